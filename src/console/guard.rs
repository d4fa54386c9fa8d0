//! What every request must be and what every answer says: the name it was asked for is ours, what
//! changes something comes from our own page, and a browser is told what a page of ours may load.

use super::answer::text;
use crate::config::{ConsoleConfig, ListenAddress};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use std::net::IpAddr;

/// Sent with every answer.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];

/// Puts our headers on an answer; one that says nothing of being kept is not kept.
pub(super) fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses a request for a name that is not ours: a page of another site could otherwise be read
/// through a name of that site that points here.
pub(super) fn refuse_foreign_host(headers: &HeaderMap, config: &ConsoleConfig) -> Option<Response> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_ours = hosts.next().is_none() && is_host_of_ours(host, config);
    (!is_ours).then(|| {
        // Of what was sent, nothing but what a name can consist of is said again.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let is_a_name = !host.is_empty() && host.len() <= 255 && host.bytes().all(is_plain);
        let line = if is_a_name {
            format!(
                "{host:?} is not a name of this window: if it should be, add it to console.hosts"
            )
        } else {
            "this is not a name of this window: if it should be, add it to console.hosts".to_owned()
        };
        text(StatusCode::MISDIRECTED_REQUEST, &line)
    })
}

fn is_host_of_ours(host: &str, config: &ConsoleConfig) -> bool {
    if config.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        return true;
    }
    let (name, port) = split_port(host);
    if let Some(ListenAddress::Tcp(address)) = &config.listen {
        let port_is_ours = port.is_none_or(|port| port.parse() == Ok(address.port()));
        // A name can be made to point anywhere, an address cannot, and neither can `localhost`: it
        // is the reader's machine, from which a port may be forwarded to ours.
        let is_address = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(bracketed) => bracketed.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
            None => name.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()),
        };
        return port_is_ours && (is_address || name.eq_ignore_ascii_case("localhost"));
    }
    name.eq_ignore_ascii_case("localhost")
}

/// Name and port of a host; an IPv6 address keeps its brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host, None),
    }
}

/// Refuses what changes something and comes from a page of another site. A browser of today says
/// where a request comes from (Fetch Metadata), an older one names the origin of the page; a program
/// sends neither.
pub(super) fn refuse_foreign_origin(
    method: &Method,
    headers: &HeaderMap,
    config: &ConsoleConfig,
) -> Option<Response> {
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let text_of = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_ours = match (text_of("sec-fetch-site"), text_of("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, host)| {
            let is_known = |known: &String| known.eq_ignore_ascii_case(host);
            text_of("host") == Some(host) || config.hosts.iter().any(is_known)
        }),
        (None, None) => true,
    };
    (!is_ours).then(|| {
        let line = "this request came from another site's page; nothing was done";
        text(StatusCode::FORBIDDEN, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listen: &str, hosts: &[&str]) -> ConsoleConfig {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        ConsoleConfig { hosts, ..ConsoleConfig::listening(ListenAddress::parse(listen)) }
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let is_ours =
            |listen: &str, host: &str| is_host_of_ours(host, &config(listen, &["a.example.org"]));
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST:8080",
            "a.example.org",
            "10.0.0.7:8080",
            "[::1]:8080",
            "127.0.0.1",
        ] {
            assert!(is_ours("127.0.0.1:8080", host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost:81",
            "127.0.0.1:81",
            "a.example.org.evil.example",
            "127.0.0.1.evil.example:8080",
            "a.example.org:81",
            "[::1",
            "::1",
            "localhost.evil.example",
        ] {
            assert!(!is_ours("127.0.0.1:8080", host), "{host}");
        }
        assert!(is_ours("[::]:8080", "localhost:8080"), "a port may be forwarded");
        assert!(!is_ours("[::]:8080", "localhost:81"));
        assert!(is_ours("unix:/s", "localhost") && !is_ours("unix:/s", "evil.example"));
    }

    #[test]
    fn what_changes_something_comes_from_our_own_page_or_from_a_program() {
        let refused = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:8080"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            let config = config("127.0.0.1:8080", &["public.example.org"]);
            assert!(refuse_foreign_origin(&Method::GET, &headers, &config).is_none());
            refuse_foreign_origin(&Method::POST, &headers, &config).is_some()
        };
        assert!(!refused(&[]));
        assert!(!refused(&[
            ("origin", "http://127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!refused(&[
            ("origin", "https://public.example.org"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(refused(&[("sec-fetch-site", "cross-site")]));
        assert!(refused(&[("sec-fetch-site", "same-site")]));
        assert!(refused(&[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "cross-site")]));
        assert!(refused(&[("origin", "http://evil.example")]));
        assert!(refused(&[("origin", "null")]));
        assert!(refused(&[("origin", "http://127.0.0.1:81")]));
    }
}
