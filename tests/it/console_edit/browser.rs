//! A browser without script: it keeps its cookie, reads forms and sends them as they are.

use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub head: String,
    pub body: String,
}

/// A form of a page, with what its fields hold.
#[derive(Clone, Debug)]
pub struct PageForm {
    pub action: String,
    pub fields: Vec<(String, String)>,
    pub buttons: Vec<String>,
}

/// See the module.
pub struct Browser {
    address: String,
    cookie: Option<String>,
    /// Sent with every request.
    pub headers: BTreeMap<&'static str, String>,
    /// Everything that was answered so far.
    pub seen: String,
}

impl Browser {
    pub fn at(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            cookie: None,
            headers: BTreeMap::new(),
            seen: String::new(),
        }
    }

    /// The window that it asks.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it sends to be known again.
    pub fn cookie(&self) -> &str {
        self.cookie.as_deref().unwrap()
    }

    /// Signs in.
    pub async fn sign_in(&mut self, password: &str) {
        let page = self.post("/login", &[("password".to_owned(), password.to_owned())]).await;
        assert_eq!(page.status, 303, "{}", page.body);
        let cookie = page.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
    }

    /// Another one with the same session.
    pub fn again(&self) -> Self {
        Self { cookie: self.cookie.clone(), ..Self::at(&self.address) }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.ask("GET", path, None).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Page {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        self.ask("POST", path, Some(pairs.join("&"))).await
    }

    /// Sends a form by one of its buttons, and goes where the answer sends it.
    pub async fn press(&mut self, form: &PageForm, button: &str) -> Page {
        assert!(form.buttons.iter().any(|known| known == button), "{button}: {:?}", form.buttons);
        let mut fields = form.fields.clone();
        fields.push(("do".to_owned(), button.to_owned()));
        let page = self.post(&form.action, &fields).await;
        match &page.location {
            Some(location) => self.get(&location.clone()).await,
            None => page,
        }
    }

    async fn ask(&mut self, method: &str, path: &str, body: Option<String>) -> Page {
        let body = body.unwrap_or_default();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        let cookie = self.cookie.iter().map(|cookie| format!("cookie: {cookie}\r\n"));
        let more = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        head.extend(cookie.chain(more));
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        self.seen.push_str(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n", "\n");
        let location = head.lines().find_map(|line| line.strip_prefix("location: "));
        Page {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            location: location.map(str::to_owned),
            body: body.to_owned(),
            head,
        }
    }
}

impl Page {
    /// The form that is sent to this path.
    pub fn form(&self, action: &str) -> PageForm {
        let forms =
            self.body.split("<form ").skip(1).map(|rest| rest.split("</form>").next().unwrap());
        let form = forms.map(PageForm::of).find(|form| form.action == action);
        form.unwrap_or_else(|| panic!("no form for {action}: {}", self.body))
    }

    /// Its text without tags.
    pub fn text(&self) -> String {
        let parts =
            self.body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        unescaped(&parts.collect::<Vec<_>>().join(" "))
    }

    /// The field of this name, with everything up to the next one.
    pub fn field(&self, name: &str) -> String {
        let at = self.body.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}"));
        let rest = &self.body[at..];
        unescaped(&rest[..rest.find("</div>").unwrap()])
    }
}

impl PageForm {
    fn of(text: &str) -> Self {
        let attribute = |tag: &str, name: &str| {
            let found = tag.split(&format!(" {name}=\"")).nth(1)?;
            Some(unescaped(found.split('"').next()?))
        };
        let open = format!(" {}", text.split('>').next().unwrap());
        let (mut fields, mut buttons) = (Vec::new(), Vec::new());
        for part in text.split('<').skip(1) {
            let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
            let name = attribute(tag, "name");
            let value = attribute(tag, "value").unwrap_or_default();
            let is_off = tag.contains("type=\"checkbox\"") && !tag.contains(" checked");
            match (tag.split(' ').next().unwrap(), name) {
                ("input", Some(name)) if !is_off && !tag.contains(" disabled") => {
                    fields.push((name, value));
                }
                ("textarea", Some(name)) => {
                    // A browser leaves the first line break out, and sends both characters of others.
                    let text = unescaped(rest.strip_prefix('\n').unwrap_or(rest));
                    fields.push((name, text.replace('\n', "\r\n")));
                }
                ("select", Some(name)) => fields.push((name, String::new())),
                ("option", _) if tag.contains(" selected") => fields.last_mut().unwrap().1 = value,
                ("button", Some(_)) if !tag.contains(" disabled") => buttons.push(value),
                _ => {}
            }
        }
        Self { action: attribute(&open, "action").unwrap_or_default(), fields, buttons }
    }

    /// Enters something in the field of this name.
    pub fn enter(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    /// Checks a box of this name.
    pub fn check(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What a field holds.
    pub fn value(&self, name: &str) -> &str {
        &self.fields.iter().find(|(known, _)| known == name).unwrap().1
    }
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
