use proptest::prelude::*;

use super::*;

#[track_caller]
fn said(payload: &[u8]) -> String {
    hint(payload).map_or("nothing".to_owned(), |hint| format!("{}: {}", hint.protocol, hint.text()))
}

#[test]
fn http_says_its_first_line() {
    assert_eq!(said(b"GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n"), "http: GET /index.html HTTP/1.1");
    assert_eq!(said(b"HTTP/1.1 502 Bad Gateway\r\nServer: b\r\n"), "http: HTTP/1.1 502 Bad Gateway");
    assert_eq!(said(b"CONNECT example.org:443 HTTP/1.1\r\n"), "http: CONNECT example.org:443 HTTP/1.1");
    assert_eq!(said(b"POST http://a/ HTTP/1.0\n"), "http: POST http://a/ HTTP/1.0");
    assert_eq!(said(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http2: PRI * HTTP/2.0");
    for other in [&b"GETTING /"[..], b"GET away", b"Get / HTTP/1.1", b"HTTP", b"G", b"GET /\x1b[2J\r\n"] {
        assert_eq!(said(other), "nothing", "{}", other.escape_ascii());
    }
}

#[test]
fn long_lines_are_clipped_and_strange_ones_escaped() {
    let long = [&b"GET /"[..], &[b'x'; 100], b" HTTP/1.1\r\n"].concat();
    assert_eq!(said(&long), format!("http: GET /{}...", "x".repeat(Hint::SHOWN - 5)));
    assert_eq!(said("GET /ä HTTP/1.1\r\n".as_bytes()), "http: GET /\\xc3\\xa4 HTTP/1.1");
    assert_eq!(said(b"GET /cut by the capt"), "http: GET /cut by the capt...");
}

#[test]
fn banners_and_replies_are_lines_too() {
    assert_eq!(said(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "ssh: SSH-2.0-OpenSSH_9.2p1");
    assert_eq!(said(b"220 mail.example.org ESMTP\r\n"), "reply: 220 mail.example.org ESMTP");
    assert_eq!(said(b"421-Too many connections\r\n421 bye\r\n"), "reply: 421-Too many connections");
    assert_eq!(said(b"-NOAUTH Authentication required.\r\n"), "redis: NOAUTH Authentication required.");
    for other in [&b"220\r\n"[..], b"2024-01-01\r\n", b"123 \x00\x01\n", b"-1\r\n", b"-----BEGIN", b"-Xy z\r\n"] {
        assert_eq!(said(other), "nothing", "{}", other.escape_ascii());
    }
}

/// A ClientHello with an extension before the server's name.
fn client_hello(name: &[u8]) -> Vec<u8> {
    let len = |bytes: usize| (bytes as u16).to_be_bytes();
    let host = [&[0][..], &len(name.len()), name].concat();
    let server_name = [&[0, 0][..], &len(host.len() + 2), &len(host.len()), &host].concat();
    let extensions = [&[0, 23, 0, 0][..], &server_name].concat();
    let body =
        [&[3, 3][..], &[7; 32], &[2, 9, 9], &[0, 4, 0x13, 1, 0x13, 2], &[1, 0], &len(extensions.len()), &extensions]
            .concat();
    let message = [&[1, 0][..], &len(body.len()), &body].concat();
    [&[22, 3, 1][..], &len(message.len()), &message].concat()
}

#[test]
fn a_client_hello_names_the_server() {
    let hello = client_hello(b"www.example.org");
    assert_eq!(said(&hello), "tls: ClientHello, server name www.example.org");
    assert_eq!(said(&client_hello(b"")), "tls: ClientHello");
    for end in 6..hello.len() {
        assert_eq!(said(&hello[..end]), "tls: ClientHello");
    }
    assert_eq!(said(&[22, 3, 3, 0, 90, 2, 0, 0, 86]), "tls: ServerHello");
    assert_eq!(said(&[22, 3, 3, 0, 90, 11, 0, 0, 86]), "nothing");
    assert_eq!(said(&[23, 3, 3, 0, 90, 1, 0, 0, 86]), "nothing");
}

#[test]
fn alerts_say_why() {
    assert_eq!(said(&[21, 3, 3, 0, 2, 2, 40]), "tls: alert fatal handshake_failure");
    assert_eq!(said(&[21, 3, 1, 0, 2, 1, 0]), "tls: alert warning close_notify");
    assert_eq!(said(&[21, 3, 3, 0, 2, 2, 200]), "tls: alert fatal 200");
    assert_eq!(said(&[21, 3, 3, 0, 26, 5, 5]), "tls: alert, encrypted");
    assert_eq!(said(&[21, 3, 3, 0, 2, 9, 9]), "nothing");
}

#[test]
fn binary_protocols_say_their_errors() {
    let goaway = [&[0, 0, 12, 7, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 11][..], b"calm"].concat();
    assert_eq!(said(&goaway), "http2: GOAWAY ENHANCE_YOUR_CALM, calm");
    assert_eq!(said(&goaway[..17]), "http2: GOAWAY ENHANCE_YOUR_CALM");
    let postgresql = b"E\0\0\0\x40SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0";
    assert_eq!(said(postgresql), "postgresql: FATAL: terminating connection");
    let text = b"\xff\x10\x04#08004Too many connections";
    let mysql = |len: u8| [&[len, 0, 0, 1][..], text].concat();
    assert_eq!(said(&mysql(text.len() as u8)), "mysql: error 1040: Too many connections");
    assert_eq!(said(&mysql(9)), "nothing");
}

/// A beginning that something is known by, so that random bytes reach every reader.
fn beginning() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 10] = [
        &[22, 3, 1, 0, 200, 1],
        &[21, 3, 3, 0, 2],
        b"GET /",
        b"HTTP/1.1 ",
        b"220 ",
        b"-ERR ",
        b"E\0\0\0\x40S",
        &[0, 0, 12, 7, 0, 0, 0, 0, 0],
        &[9, 0, 0, 1, 0xff, 1, 2, b'#'],
        b"",
    ];
    prop::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec)
}

proptest! {
    #[test]
    fn any_payload_gives_a_short_printable_hint_or_none(
        head in beginning(),
        tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let payload = [head, tail].concat();
        if let Some(hint) = hint(&payload) {
            let text = hint.text();
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
            prop_assert!(text.len() <= 4 * Hint::SHOWN + 3);
        }
    }

    #[test]
    fn a_client_hello_may_hold_anything(mut hello in Just(client_hello(b"www.example.org")), at in 6..84_usize, byte: u8) {
        hello[at] = byte;
        prop_assert!(said(&hello).starts_with("tls: ClientHello"));
    }
}
