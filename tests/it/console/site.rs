//! A window as a program asks it: requests as they are written, answers as they come.

use crate::support::replicator::Replicator;
use crate::support::{LONG, until};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// Where a window is.
#[derive(Clone, Debug)]
pub enum Site {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find_map(|line| {
            line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name))
        });
        line.map(|(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The cookie that it sets, as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }
}

impl Site {
    /// The window of a replicator, once it is open.
    pub async fn of(replicator: &mut Replicator) -> Self {
        replicator.says(&["the window is open"]).await;
        let log = replicator.log();
        let line = log.lines().find(|line| line.contains("the window is open")).unwrap();
        let address =
            serde_json::from_str::<Value>(line).unwrap()["address"].as_str().unwrap().to_owned();
        match address.strip_prefix("unix:") {
            Some(path) => Self::Unix(path.into()),
            None => Self::Tcp(address.parse().unwrap()),
        }
    }

    /// The name that a browser sends.
    pub fn host(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Asks for a path with these headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, "").await
    }

    /// Sends a form.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let form_headers = [("Content-Type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &[headers, &form_headers].concat(), form).await
    }

    /// Sends a request with our own name as its host, unless the headers say another one.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.host()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bytes = self.exchange(format!("{head}\r\n{body}").as_bytes()).await;
        answer(&bytes)
    }

    /// Sends these bytes; gives all that comes until the window closes.
    pub async fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let exchanged = async {
            match self {
                Self::Tcp(address) => {
                    exchanged(TcpStream::connect(address).await.unwrap(), request).await
                }
                Self::Unix(path) => {
                    exchanged(UnixStream::connect(path).await.unwrap(), request).await
                }
            }
        };
        tokio::time::timeout(LONG, exchanged).await.unwrap()
    }

    /// A page that is live, as it comes.
    pub async fn live(&self, page: &str) -> LiveStream {
        self.live_with(page, "").await
    }

    /// As [`Site::live`], with these lines in the head.
    pub async fn live_with(&self, page: &str, lines: &str) -> LiveStream {
        let Self::Tcp(address) = self else { panic!("a browser needs an address") };
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET /live?page={page} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", self.host());
        stream.write_all(request.as_bytes()).await.unwrap();
        LiveStream { stream, text: String::new() }
    }

    /// Waits until the status shows this.
    pub async fn shows(&self, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until(what, async || {
            last = self.get("/status.json").await.json();
            is_so(&last["replications"][0])
        })
        .await;
        last["replications"][0].clone()
    }

    /// Waits until the first destination is in this state.
    pub async fn is(&self, state: &str) -> Value {
        self.shows(&format!("it is {state}"), |now| now["destinations"][0]["state"] == state).await
    }

    /// Waits until the page shows this text; gives the page.
    pub async fn page_shows(&self, text: &str) -> String {
        let mut page = String::new();
        until(&format!("the page shows {text:?}"), async || {
            page = self.get("/").await.body;
            page.contains(text)
        })
        .await;
        page
    }
}

/// A page that is live.
pub struct LiveStream {
    stream: TcpStream,
    text: String,
}

impl LiveStream {
    /// Waits until the window has closed it.
    pub async fn closes(mut self) {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        let _ = tokio::time::timeout(LONG, read).await.expect("it is closed");
    }

    /// Waits until all that came holds this.
    pub async fn tells(&mut self, text: &str) -> &str {
        let told = async {
            let mut buffer = [0; 16 * 1024];
            while !self.text.contains(text) {
                let read = self.stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "it ended before {text:?}: {}", self.text);
                self.text.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        };
        tokio::time::timeout(LONG, told).await.unwrap_or_else(|_| panic!("no {text:?}"));
        &self.text
    }
}

async fn exchanged(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Vec<u8> {
    // A window that has heard enough closes before all is sent.
    let _ = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

fn answer(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&*text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_default(), head: head.to_owned(), body: body.to_owned() }
}
