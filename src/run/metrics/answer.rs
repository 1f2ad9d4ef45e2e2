//! What was asked, and the answer to it.

use prometheus::{Encoder, Registry, TextEncoder};

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// The path, and whether its content is wanted.
    Path(String, bool),
    /// Something else than to be read.
    OtherMethod,
    /// It cannot be understood.
    Nonsense,
    /// Its head is longer than any that means well.
    TooMuch,
}

/// The most headers of a request.
const HEADERS: usize = 64;

/// What the request in these bytes asks for; `None` while it is not complete.
pub(super) fn asked(bytes: &[u8]) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(_)) => Some(match (request.method, request.path) {
            (Some("GET"), Some(path)) => Asked::Path(without_query(path), true),
            (Some("HEAD"), Some(path)) => Asked::Path(without_query(path), false),
            _ => Asked::OtherMethod,
        }),
        Err(httparse::Error::TooManyHeaders) => Some(Asked::TooMuch),
        Err(_) => Some(Asked::Nonsense),
    }
}

fn without_query(path: &str) -> String {
    path.split('?').next().unwrap_or_default().to_owned()
}

const WORDS: &str = "text/plain; charset=utf-8";

/// The whole answer: status, headers and content.
pub(super) fn answer(asked: &Asked, registry: &Registry) -> Vec<u8> {
    match asked {
        Asked::Path(path, content) if path == "/metrics" => match exposition(registry) {
            Ok((kind, text)) => response("200 OK", &[("Content-Type", &kind)], &text, *content),
            Err(error) => refusal("500 Internal Server Error", &error.to_string(), *content),
        },
        Asked::Path(path, content) if path == "/" => {
            response("200 OK", &[("Content-Type", WORDS)], b"rstscan: see /metrics\n", *content)
        }
        Asked::Path(_, content) => refusal("404 Not Found", "see /metrics", *content),
        Asked::OtherMethod => {
            let headers = [("Content-Type", WORDS), ("Allow", "GET, HEAD")];
            response("405 Method Not Allowed", &headers, b"GET and HEAD only\n", true)
        }
        Asked::Nonsense => refusal("400 Bad Request", "this is no HTTP", true),
        Asked::TooMuch => refusal("431 Request Header Fields Too Large", "too many headers", true),
    }
}

/// All metrics in Prometheus' text format, and what it calls itself.
pub(super) fn exposition(registry: &Registry) -> prometheus::Result<(String, Vec<u8>)> {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    encoder.encode(&registry.gather(), &mut text)?;
    Ok((encoder.format_type().to_owned(), text))
}

fn refusal(status: &str, words: &str, content: bool) -> Vec<u8> {
    response(status, &[("Content-Type", WORDS)], format!("{words}\n").as_bytes(), content)
}

fn response(status: &str, headers: &[(&str, &str)], body: &[u8], content: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n", body.len()));
    let mut bytes = head.into_bytes();
    if content {
        bytes.extend_from_slice(body);
    }
    bytes
}
