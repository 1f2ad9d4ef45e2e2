//! A browser with one window, driven by WebDriver (<https://www.w3.org/TR/webdriver2/>) over the loopback interface.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The key of an element's id in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// No command takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser.
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// The address of the session.
    session: String,
    _profile: TempDir,
}

/// How the page is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    Light,
    Dark,
    WithoutScript,
}

impl Browser {
    /// Starts one; `None`, with a line that says why, where there is none.
    pub fn start(look: Look) -> Option<Self> {
        let (Some(chromium), Some(driver)) =
            (found(&["chromium", "chromium-browser", "google-chrome"]), found(&["chromedriver"]))
        else {
            // Not println!, of which nothing is seen when a test passes.
            let said =
                "skipped: no browser; this test needs chromium and chromedriver (Debian: chromium, chromium-driver)\n";
            let _ = std::io::stderr().write_all(said.as_bytes());
            return None;
        };
        let mut driver = Command::new(driver)
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
        let port =
            lines.find_map(|line| port(&line.expect("chromedriver speaks"))).expect("chromedriver names its port");
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let profile = TempDir::new().expect("a folder for temporary files");
        let mut browser = Self {
            driver,
            agent: config.build().into(),
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let options = options(&chromium, browser._profile.path(), look);
        let answer = browser.post("", &json!({"capabilities": {"alwaysMatch": options}}));
        browser.session = format!("{}/{}", browser.session, answer["sessionId"].as_str().expect("a session"));
        Some(browser)
    }

    /// Opens a file, at a place in it.
    pub fn open(&self, file: &Path, place: &str) {
        self.post("/url", &json!({"url": format!("file://{}{place}", file.display())}));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The text of the elements that a selector finds, as they are seen.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let seen = |id: &String| self.get(&format!("/element/{id}/text"));
        self.elements(selector).iter().map(|id| seen(id).as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Clicks the first element that a selector finds.
    pub fn click(&self, selector: &str) {
        self.post(&format!("/element/{}/click", self.first(selector)), &json!({}));
    }

    /// Types into the first element that a selector finds, over what it holds.
    pub fn type_into(&self, selector: &str, text: &str) {
        let id = self.first(selector);
        self.post(&format!("/element/{id}/clear"), &json!({}));
        self.post(&format!("/element/{id}/value"), &json!({"text": text}));
    }

    /// Asks a script until it says yes, or long enough.
    pub fn wait(&self, script: &str) {
        for _ in 0..200 {
            if self.run(script) == json!(true) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never came to: {script}");
    }

    /// What the browser itself complained of: broken scripts, what the page's policy forbids.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.as_array().expect("a list").iter().map(message).collect()
    }

    /// A picture of the window, whose size is set before, as PNG.
    pub fn picture(&self, (width, height): (u32, u32)) -> Vec<u8> {
        self.post("/window/rect", &json!({"width": width, "height": height}));
        decoded(&self.get("/screenshot"))
    }

    /// The page as it is printed, as PDF.
    pub fn print(&self) -> Vec<u8> {
        decoded(&self.post("/print", &json!({"background": true})))
    }

    fn first(&self, selector: &str) -> String {
        self.elements(selector).into_iter().next().unwrap_or_else(|| panic!("nothing is {selector}"))
    }

    fn elements(&self, selector: &str) -> Vec<String> {
        let found = self.post("/elements", &json!({"using": "css selector", "value": selector}));
        let id = |element: &Value| element[ELEMENT].as_str().expect("an element").to_owned();
        found.as_array().expect("a list").iter().map(id).collect()
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.agent.get(format!("{}{path}", self.session)).call();
        value(path, answer)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session)).content_type("application/json");
        value(path, request.send(body.to_string()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Where this fails, the driver ends the browser when it is ended itself.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The value of an answer. An open `alert` is an error here.
fn value(path: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let mut answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().expect("an answer");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let error = &answer["value"]["error"];
    assert!(error.is_null(), "{path}: {}", answer["value"]);
    answer["value"].clone()
}

fn decoded(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().expect("text")).expect("Base64")
}

fn found(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// The port in "ChromeDriver was started successfully on port 34567."
fn port(line: &str) -> Option<u16> {
    line.rsplit_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

/// A browser that needs no rights, no display and no network.
fn options(chromium: &Path, profile: &Path, look: Look) -> Value {
    let mut arguments = vec![
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--no-first-run".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--host-resolver-rules=MAP * ~NOTFOUND".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if look == Look::Dark {
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let javascript = if look == Look::WithoutScript { 2 } else { 1 };
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "binary": chromium,
            "args": arguments,
            "prefs": {"profile.managed_default_content_settings.javascript": javascript},
        },
    })
}
