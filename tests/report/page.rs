//! What readers do with the report, and what hostile captures try.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::browser::{Browser, Look};
use super::captures::{self, HOSTILE_NAME};
use super::{Folder, command, rstscan, sample, text};

/// The texts of one column of the rows that are shown.
fn column(browser: &Browser, index: usize) -> Vec<String> {
    let script = format!("return [...document.querySelectorAll('tr.row')].map(row => row.cells[{index}].textContent)");
    let texts = browser.run(&script);
    texts.as_array().expect("a list").iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_page_loads_nothing_and_holds_everything() {
    let folder = Folder::new();
    let page = fs::read_to_string(folder.report(&sample("mixed.pcap"))).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for loading in
        ["src=", "@import", "url(", "<link rel=\"stylesheet\"", "fetch(", "innerHTML", "http-equiv=\"refresh\""]
    {
        assert!(!page.contains(loading), "{loading}");
    }
    let policy = page.split("content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for said in
        ["4 times", "most likely nothing listens on port 54321 there", "What to check:", "2026-11-22 14:37:45.451443"]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn no_reset_is_said_in_one_sentence() {
    let folder = Folder::new();
    let mut bytes = fs::read(sample("half-open.pcap")).unwrap();
    // Up to the reset, which is the last frame.
    bytes.truncate(bytes.len() - 54 - 16);
    let page = fs::read_to_string(folder.report(&folder.capture("healthy.pcap", &bytes))).unwrap();
    assert!(page.contains("No connection was reset."));
    assert!(!page.contains("When it happened") && !page.contains("id=\"events\""));
}

#[test]
fn hostile_text_stays_text_in_the_file() {
    let folder = Folder::new();
    let page = fs::read_to_string(folder.report(&folder.capture(HOSTILE_NAME, &captures::hostile()))).unwrap();
    // The page's own script, the rows and one block of details.
    assert_eq!(page.matches("<script").count(), 3);
    assert_eq!(page.matches("</script").count(), 3);
    assert!(!page.contains("<img") && !page.contains("<iframe"));
    assert!(!page.contains(['\u{2028}', '\u{202e}', '\u{2066}']));
    for shown in ["alert(2)", "alert(7)", "alert(8)", "alert(9)", "alert(10)", "\\u{202e}"] {
        assert!(page.contains(shown), "{shown} is not there to be read");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_one_line() {
    let capture = text(&sample("closed-port.pcap")).to_owned();
    let ended = rstscan(&["-qq", "--report", "/nowhere/page.html", "-r", &capture]);
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(1), 0));
    assert_eq!(stderr, "rstscan: cannot write the report /nowhere/page.html: No such file or directory (os error 2)\n");

    let full = Path::new("/dev/full");
    if full.exists() {
        let ended = rstscan(&["-qq", "--report", "/dev/full", "-r", &capture]);
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(stderr, "rstscan: cannot write the report /dev/full: No space left on device (os error 28)\n");
        assert!(
            String::from_utf8(ended.stdout).unwrap().contains("closed-port/no-listener"),
            "the output goes on as usual"
        );
    }
}

#[test]
fn where_nothing_was_read_no_file_stays_and_an_old_one_is_kept() {
    let folder = Folder::new();
    let page = folder.0.path().join("page.html");
    let read_nothing = || rstscan(&["--report", text(&page), "-r", "/nowhere/a.pcap"]).status.code();
    assert_eq!((read_nothing(), page.exists()), (Some(1), false));
    fs::write(&page, "old").unwrap();
    assert_eq!((read_nothing(), fs::read_to_string(&page).unwrap()), (Some(1), "old".to_owned()));
}

#[test]
fn a_signal_writes_what_is_known() {
    let folder = Folder::new();
    let page = folder.0.path().join("page.html");
    let mut command = command(&["-qq", "-l", "--settle", "0", "--report", text(&page), "-r", "-"]);
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    // Standard input stays open; the first finding comes when nothing more does.
    stdin.write_all(&fs::read(sample("mixed.pcap")).unwrap()).unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("#90 "), "{line}");
    assert_eq!(fs::metadata(&page).unwrap().len(), 0, "it is written at the end");
    let kill = Command::new("kill").args(["-INT", &running.id().to_string()]).status();
    assert!(kill.unwrap().success() && running.wait().unwrap().success());
    assert!(fs::read_to_string(&page).unwrap().contains("a connection was reset"));
    drop(stdin);
}

#[test]
fn a_reader_of_the_output_who_has_seen_enough_does_not_end_the_report() {
    let folder = Folder::new();
    let page = folder.0.path().join("page.html");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command(&["--report", text(&page), "-r", text(&sample("mixed.pcap"))])
        .stdout(writer)
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert!(fs::read_to_string(&page).unwrap().contains("4 times"));
}

#[test]
fn a_report_replaces_a_longer_one() {
    let folder = Folder::new();
    let page = folder.capture("report.html", &[b'x'; 500_000]);
    assert_eq!(folder.report(&sample("closed-port.pcap")), page);
    assert!(fs::read_to_string(&page).unwrap().ends_with("</html>"));
}

#[test]
fn a_reader_sorts_and_filters() {
    let Some(browser) = Browser::start(Look::Light) else { return };
    let folder = Folder::new();
    browser.open(&folder.report(&sample("mixed.pcap")), "");
    assert_eq!(column(&browser, 0), ["#90", "#247", "#331", "#408"]);

    browser.click("th[data-key='0'] button");
    assert_eq!(column(&browser, 0), ["#408", "#331", "#247", "#90"]);
    browser.click("th[data-key='5'] button");
    assert_eq!(column(&browser, 5), ["linger-zero", "lost-state", "no-listener", "syn-reset-by-client"]);
    assert_eq!(browser.run("return document.querySelector(\"th[data-key='5']\").ariaSort"), json!("ascending"));

    browser.type_into("#search", "12345");
    browser.wait("return document.querySelectorAll('tr.row').length === 1");
    assert_eq!(browser.texts("#shown"), ["1 event (of 4)"]);
    browser.click("#clear");
    browser.wait("return document.querySelectorAll('tr.row').length === 4");
    browser.run(
        "const list = document.getElementById('class'); list.value = 'forged'; list.dispatchEvent(new Event('change'))",
    );
    assert_eq!((column(&browser, 0).len(), browser.texts("#shown")), (0, vec!["0 events (of 4)".to_owned()]));
    browser.click("#clear");
    browser.wait("return document.querySelectorAll('tr.row').length === 4");

    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_reader_opens_events_and_follows_links() {
    let Some(browser) = Browser::start(Look::Light) else { return };
    let folder = Folder::new();
    browser.open(&folder.report(&sample("mixed.pcap")), "");
    browser.click("#event-3 .open");
    let detail = browser.texts("tr.detail").join("\n");
    for said in [
        "most likely no longer knows the connection",
        "What to check",
        "tcp.stream eq 32",
        "bare RST whose seq is the ack of #407",
    ] {
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let drawn = browser.run("return [...document.querySelectorAll('svg.ladder text')].map(text => text.textContent)");
    for text in [
        "192.168.1.108:38219 (client)",
        "ESTABLISHED",
        "3 bytes",
        "RST",
        "provoked it, never acknowledged",
        "10 us later",
    ] {
        assert!(drawn.as_array().unwrap().contains(&json!(text)), "{text}: {drawn}");
    }
    browser.click("#event-3 .open");
    assert_eq!(browser.texts("tr.detail").len(), 0);

    browser.click("a[href='#event-1']");
    browser.wait("return document.querySelectorAll('tr.detail').length === 1");
    assert!(browser.texts("tr.detail")[0].contains("reset its own attempt to connect"));
    assert_eq!(column(&browser, 0), ["#247"], "its cause alone");
    browser.click("#event-1 .open");
    browser.click("a[href='#event-1']");
    assert_eq!(browser.texts("tr.detail").len(), 1, "the same link once more");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.run("return performance.getEntriesByType('resource').length"), json!(0));
}

#[test]
fn hostile_text_is_inert_in_the_browser() {
    let Some(browser) = Browser::start(Look::Light) else { return };
    let folder = Folder::new();
    browser.open(&folder.report(&folder.capture(HOSTILE_NAME, &captures::hostile())), "");
    for index in 0..column(&browser, 0).len() {
        browser.click(&format!("#event-{index} .open"));
    }
    let made = "return [document.scripts.length, document.querySelectorAll('img, iframe, object, embed, b').length, \
                [...document.querySelectorAll('*')].filter(element => [...element.attributes].some(a => a.name.startsWith('on'))).length]";
    assert_eq!(browser.run(made), json!([3, 0, 0]));
    let text = browser.texts("body").join("\n");
    for shown in [
        "<script>alert(8)</script>",
        "<script>alert(9)</script>",
        "<script>alert(10)</script>",
        "a<img src=x onerror=alert(7)>&\"'\\u{202e}.pcapng",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    browser.type_into("#search", "<script>alert(1)</script>\u{202e}");
    browser.wait("return document.querySelectorAll('tr.row').length === 0");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn ten_thousand_events_stay_usable() {
    let Some(browser) = Browser::start(Look::Light) else { return };
    let folder = Folder::new();
    let page = folder.report(&folder.capture("many.pcap", &captures::many(5_000)));
    browser.open(&page, "");
    assert_eq!(column(&browser, 0).len(), 100);
    assert_eq!(browser.texts("#shown"), ["10,000 events, the first 100 are shown"]);
    browser.click("#more");
    assert_eq!(column(&browser, 0).len(), 500);
    browser.click("th[data-key='2'] button");
    assert_eq!(column(&browser, 2)[0], "198.51.100.20:443");
    browser.type_into("#search", "10.0.19.135:40000");
    browser.wait("return document.querySelectorAll('tr.row').length === 1");
    assert_eq!(column(&browser, 5), ["no-listener"]);
    browser.click("tr.row .open");
    assert!(browser.texts("tr.detail")[0].contains("10.0.19.135:40000 (client)"));
    browser.run("location.hash = '#event-9999'");
    browser.wait("return document.querySelectorAll('#event-9999 + tr.detail').length === 1");
    // It is the last of those that the server sent from its port 443, which come first.
    assert_eq!(browser.texts("#shown"), ["10,000 events, the first 5,000 are shown"]);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn without_scripts_a_page_remains() {
    let Some(browser) = Browser::start(Look::WithoutScript) else { return };
    let folder = Folder::new();
    browser.open(&folder.report(&sample("mixed.pcap")), "");
    let text = browser.texts("body").join("\n");
    for said in
        ["4 times", "Scripts are off: these are the first 4 of 4 resets", "syn-reset-by-client", "What to check", "◄"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("Every event"));
}

#[test]
fn dark_and_light_are_the_readers_choice_and_paper_is_white() {
    let background = "return getComputedStyle(document.body).backgroundColor";
    let folder = Folder::new();
    let page = folder.report(&sample("mixed.pcap"));
    for (look, color) in [(Look::Light, "rgb(247, 247, 248)"), (Look::Dark, "rgb(15, 18, 23)")] {
        let Some(browser) = Browser::start(look) else { return };
        browser.open(&page, "");
        assert_eq!(browser.run(background), Value::from(color));
        let printed = browser.print();
        assert!(printed.starts_with(b"%PDF-"));
        // Few events are printed with their evidence.
        assert_eq!(browser.texts("tr.detail").len(), 4);
    }
}

/// The window that the picture in the README shows.
const WINDOW: (u32, u32) = (1220, 1250);

#[test]
fn pictures_can_be_made_anew() {
    let Some(browser) = Browser::start(Look::Light) else { return };
    let folder = Folder::new();
    browser.open(&folder.report(&sample("mixed.pcap")), "");
    browser.click("#event-3 .open");
    browser.picture(WINDOW);
    browser.run("document.querySelector('.timeline').scrollIntoView()");
    let picture = browser.picture(WINDOW);
    assert!(picture.starts_with(b"\x89PNG") && picture.len() < 200_000, "{} bytes", picture.len());
    if std::env::var_os("RSTSCAN_WRITE_PICTURES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/report.png");
        fs::write(path, picture).expect("docs is writable");
    }
}
