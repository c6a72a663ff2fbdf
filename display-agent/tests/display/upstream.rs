//! A small HTTP or HTTPS server that answers as it is told, also in ways no framework allows: half
//! bodies, lying lengths, one byte at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request, as far as anybody asks.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What to send back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What is said about the length.
    pub(crate) length: Length,
    /// Bytes at a time, with a pause after each.
    pub(crate) trickle: Option<(usize, Duration)>,
    /// Close without a word.
    pub(crate) hang_up: bool,
}

/// What an answer says about its length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    True,
    Lie(usize),
    Unsaid,
}

impl Length {
    fn of(self, body: &[u8]) -> Option<usize> {
        match self {
            Length::True => Some(body.len()),
            Length::Lie(length) => Some(length),
            Length::Unsaid => None,
        }
    }
}

impl Answer {
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self {
            status,
            headers,
            body: body.into(),
            length: Length::True,
            trickle: None,
            hang_up: false,
        }
    }

    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/json", body)
    }

    pub(crate) fn bmp(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "image/bmp", body)
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, "application/json", r#"{"message":"no"}"#)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn send(&self, stream: &mut impl Write, sent: &AtomicUsize) -> std::io::Result<()> {
        if self.hang_up {
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} Whatever\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if self.status != 304
            && let Some(length) = self.length.of(&self.body)
        {
            head += &format!("content-length: {length}\r\n");
        }
        head += "\r\n";
        // Counted first, so that whoever has an answer finds all of it counted.
        sent.fetch_add(head.len(), Ordering::Relaxed);
        stream.write_all(head.as_bytes())?;
        let body = if self.status == 304 {
            &[][..]
        } else {
            &self.body
        };
        let (bytes, pause) = self.trickle.unwrap_or((body.len().max(1), Duration::ZERO));
        for piece in body.chunks(bytes) {
            sent.fetch_add(piece.len(), Ordering::Relaxed);
            stream.write_all(piece)?;
            stream.flush()?;
            thread::sleep(pause);
        }
        stream.flush()
    }
}

type Respond = dyn FnMut(&Request) -> Answer + Send;

/// The server; it ends when dropped.
pub(crate) struct Upstream {
    pub(crate) port: u16,
    tls: bool,
    sent: Arc<AtomicUsize>,
    on_the_wire: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
}

/// A certificate and its key, and who signed it.
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    config: Arc<rustls::ServerConfig>,
}

impl Identity {
    /// For `localhost`, valid for so many days from ten days ago.
    pub(crate) fn valid_days(days: i64) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.not_before = rcgen::date_time_ymd(2025, 1, 1);
        leaf.not_after = leaf.not_before + Duration::from_secs(days.unsigned_abs() * 86_400);
        let leaf = leaf.signed_by(&key, &ca).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        Self {
            ca_pem: ca.pem(),
            config: Arc::new(config),
        }
    }
}

impl Upstream {
    pub(crate) fn http(respond: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        Self::start(None, Box::new(respond))
    }

    pub(crate) fn https(
        identity: &Identity,
        respond: impl FnMut(&Request) -> Answer + Send + 'static,
    ) -> Self {
        Self::start(Some(identity.config.clone()), Box::new(respond))
    }

    fn start(tls: Option<Arc<rustls::ServerConfig>>, respond: Box<Respond>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self {
            port: listener.local_addr().unwrap().port(),
            tls: tls.is_some(),
            sent: Arc::default(),
            on_the_wire: Arc::default(),
            seen: Arc::default(),
            over: Arc::default(),
        };
        let (sent, seen, over) = (
            upstream.sent.clone(),
            upstream.seen.clone(),
            upstream.over.clone(),
        );
        let on_the_wire = upstream.on_the_wire.clone();
        let respond = Arc::new(Mutex::new(respond));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (sent, seen, respond, tls) =
                    (sent.clone(), seen.clone(), respond.clone(), tls.clone());
                let stream = Counted {
                    stream,
                    sent: on_the_wire.clone(),
                };
                thread::spawn(move || {
                    // A client that goes away in the middle is the test's business, not the server's.
                    let _ = match tls {
                        None => serve(stream, &respond, &seen, &sent),
                        Some(config) => {
                            let session = rustls::ServerConnection::new(config).unwrap();
                            let stream = rustls::StreamOwned::new(session, stream);
                            serve(stream, &respond, &seen, &sent)
                        }
                    };
                });
            }
        });
        upstream
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.port)
    }

    /// Bytes of answers and handshakes so far, as TCP carries them.
    #[allow(dead_code, reason = "only the benchmark asks")]
    pub(crate) fn bytes_on_the_wire(&self) -> usize {
        self.on_the_wire.load(Ordering::Relaxed)
    }

    /// Bytes of answers so far, heads included.
    pub(crate) fn bytes_sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether anybody asked anything yet.
    pub(crate) fn accepted(&self) -> bool {
        !self.seen.lock().unwrap().is_empty()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The listener wakes once more, and sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// A connection that counts what is sent.
struct Counted {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.sent.fetch_add(written, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

fn serve(
    mut stream: impl Read + Write,
    respond: &Mutex<Box<Respond>>,
    seen: &Mutex<Vec<Request>>,
    sent: &AtomicUsize,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let request = Request { path, headers };
    seen.lock().unwrap().push(request.clone());
    let answer = respond.lock().unwrap()(&request);
    answer.send(&mut stream, sent)
}
