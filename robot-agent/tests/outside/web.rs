//! A web server that gives one answer to every request and shows what it was asked.

use std::sync::Arc;

use time::macros::format_description;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::pki::now;

/// What a client asked.
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Status and body from the body of a request.
pub(crate) type Answer = Arc<dyn Fn(&str) -> (u16, String) + Send + Sync>;

pub(crate) struct Web {
    pub(crate) port: u16,
    pub(crate) asked: mpsc::UnboundedReceiver<Asked>,
    _task: JoinSet<()>,
}

/// In the clear, or over TLS.
pub(crate) async fn serve(tls: Option<Arc<rustls::ServerConfig>>, answer: Answer) -> Web {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = mpsc::unbounded_channel();
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match &tls {
                None => converse(stream, &sender, &answer).await,
                Some(tls) => {
                    if let Ok(stream) = TlsAcceptor::from(tls.clone()).accept(stream).await {
                        converse(stream, &sender, &answer).await;
                    }
                }
            }
        }
    });
    Web {
        port,
        asked,
        _task: task,
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    asked: &mpsc::UnboundedSender<Asked>,
    answer: &Answer,
) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let (status, body) = answer(&request.body);
    let _ = asked.send(request);
    let text = format!(
        "HTTP/1.1 {status} X\r\ndate: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        date(),
        body.len()
    );
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn date() -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    now().format(format).unwrap()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let body = body.to_owned();
                return Some(Asked { head, body });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
