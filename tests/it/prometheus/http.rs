//! As much HTTP as a scrape and a query need.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Serves this text to whoever asks, until it is dropped; gives its port.
pub async fn serve(text: &'static str) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut clients = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            clients.spawn(answer(client, text));
        }
    });
    (port, tasks)
}

async fn answer(mut client: TcpStream, text: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
    let _ = client.write_all(format!("{head}\r\n\r\n{text}").as_bytes()).await;
}

/// What a server on this machine answers; `None` while it does not.
pub async fn get(port: u16, path: &str) -> Option<String> {
    get_as(port, path, "").await.map(|(_, body)| body)
}

/// As [`get`], with what is accepted; gives the head as well.
pub async fn get_as(port: u16, path: &str, accept: &str) -> Option<(String, String)> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let accept = match accept {
        "" => String::new(),
        accept => format!("Accept: {accept}\r\n"),
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{accept}\r\n");
    server.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let is_well = head.split(' ').nth(1) == Some("200");
    is_well.then(|| (head.to_lowercase(), body.to_owned()))
}

/// A text as it stands in a query.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
