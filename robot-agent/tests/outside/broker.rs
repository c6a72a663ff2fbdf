//! A broker that does as a test tells it, packet by packet.

use bytes::BytesMut;
use robot_agent::endpoint::Endpoint;
use rumqttc::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, SubAck, Subscribe,
    SubscribeReasonCode,
};
use tests::in_time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::pki::Ca;

const LARGEST: usize = 1 << 20;

pub(crate) struct Broker {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

/// A client's connection, from the broker's side.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: BytesMut,
}

impl Broker {
    pub(crate) async fn start(ca: &Ca) -> Self {
        Self::start_with(ca, &[]).await
    }

    pub(crate) async fn start_with(ca: &Ca, alpn: &[&[u8]]) -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(ca.server_config(alpn)),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            host: "localhost".into(),
            port: self.listener.local_addr().unwrap().port(),
            alpn: false,
        }
    }

    pub(crate) async fn handshake(&self) -> std::io::Result<Connection> {
        let (stream, _) = in_time(self.listener.accept()).await.unwrap();
        Ok(Connection {
            stream: in_time(self.acceptor.accept(stream)).await?,
            buffer: BytesMut::new(),
        })
    }

    /// A client that has said who it is.
    pub(crate) async fn accept(&self) -> (Connection, Connect) {
        let mut client = self.handshake().await.unwrap();
        match client.next().await {
            Some(Packet::Connect(connect)) => (client, connect),
            other => panic!("no CONNECT but {other:?}"),
        }
    }

    /// A client that is accepted and subscribed.
    pub(crate) async fn online(&self) -> Connection {
        let (mut client, _) = self.accept().await;
        client.accept_session().await;
        client.grant().await;
        client
    }
}

impl Connection {
    /// None is the end of the connection. Pings are answered, reports are acknowledged.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        in_time(async {
            loop {
                match Packet::read(&mut self.buffer, LARGEST) {
                    Ok(Packet::PingReq) => self.send(&Packet::PingResp).await,
                    Ok(packet) => {
                        if let Packet::Publish(Publish {
                            qos: QoS::AtLeastOnce,
                            pkid,
                            ..
                        }) = packet
                        {
                            self.send(&Packet::PubAck(PubAck::new(pkid))).await;
                        }
                        return Some(packet);
                    }
                    Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => {
                        if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                            return None;
                        }
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .await
    }

    pub(crate) async fn send(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, LARGEST).unwrap();
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(crate) async fn accept_session(&mut self) {
        let accepted = ConnAck::new(ConnectReturnCode::Success, false);
        self.send(&Packet::ConnAck(accepted)).await;
    }

    /// The next packet, which must be a subscription.
    pub(crate) async fn subscription(&mut self) -> Subscribe {
        match self.next().await {
            Some(Packet::Subscribe(subscribe)) => subscribe,
            other => panic!("no subscription but {other:?}"),
        }
    }

    pub(crate) async fn grant(&mut self) -> Subscribe {
        let subscribe = self.subscription().await;
        self.answer(&subscribe, SubscribeReasonCode::Success(QoS::AtLeastOnce))
            .await;
        subscribe
    }

    pub(crate) async fn answer(&mut self, subscribe: &Subscribe, code: SubscribeReasonCode) {
        let answer = SubAck::new(subscribe.pkid, vec![code]);
        self.send(&Packet::SubAck(answer)).await;
    }

    pub(crate) async fn publish(&mut self, payload: impl Into<Vec<u8>>) {
        self.send(&Packet::Publish(message(payload))).await;
    }

    /// The next report, and nothing else but acknowledgements before it.
    pub(crate) async fn report(&mut self) -> Publish {
        loop {
            match self.next().await {
                Some(Packet::PubAck(_)) => {}
                Some(Packet::Publish(report)) => return report,
                other => panic!("no report but {other:?}"),
            }
        }
    }

    pub(crate) fn alpn(&self) -> Option<Vec<u8>> {
        let (_, session) = self.stream.get_ref();
        session.alpn_protocol().map(<[u8]>::to_vec)
    }
}

pub(crate) fn message(payload: impl Into<Vec<u8>>) -> Publish {
    let mut message = Publish::new("rover/action", QoS::AtLeastOnce, payload.into());
    message.pkid = 1;
    message
}
