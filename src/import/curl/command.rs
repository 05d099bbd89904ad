//! The words of a curl command → the request that it would send.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Position, Url, form_urlencoded};

use super::options::{self, takes_value};
use crate::{
    import::Refusal,
    spec::{METHODS, hosts},
};

/// What the command would send.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub(super) method: String,
    pub(super) url: Option<Url>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) user: Option<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Sent>,
}

/// What it sends in its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Text(String),
    /// Name and value, or the name of a file.
    Parts(Vec<(String, Part)>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Value(String),
    File,
}

/// Reads a command.
pub(super) fn read(words: &[String]) -> Result<Command, Refusal> {
    let mut reading = Reading::default();
    let mut words = words.iter().map(String::as_str).peekable();
    if !words.next().is_some_and(|it| it == "curl" || it.ends_with("/curl") || it.eq_ignore_ascii_case("curl.exe")) {
        return Err(Refusal::new("the command begins with `curl`"));
    }
    while let Some(word) = words.next() {
        if let Some(letters) = word.strip_prefix('-').filter(|it| !it.starts_with('-') && !it.is_empty()) {
            let mut rest = letters;
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                let long = options::long(letter);
                let long = long.ok_or_else(|| unknown(&format!("-{letter}")))?;
                if takes_value(long) {
                    let value = if rest.is_empty() { words.next().map(str::to_owned) } else { Some(rest.to_owned()) };
                    reading.option(long, Some(value.ok_or_else(|| lacks(&format!("-{letter}")))?))?;
                    break;
                }
                reading.option(long, None)?;
            }
        } else if word.starts_with("--") {
            let (long, given) =
                word.split_once('=').map_or((word, None), |(long, value)| (long, Some(value.to_owned())));
            let value = match takes_value(long) {
                true => Some(given.or_else(|| words.next().map(str::to_owned)).ok_or_else(|| lacks(long))?),
                false => None,
            };
            reading.option(long, value)?;
        } else {
            reading.address(word)?;
        }
    }
    reading.finish()
}

fn unknown(option: &str) -> Refusal {
    Refusal::new(format!("the option `{option}` is not known here; leave it out if the request is the same without"))
}

fn lacks(option: &str) -> Refusal {
    Refusal::new(format!("the option `{option}` lacks its value"))
}

#[derive(Default)]
struct Reading {
    command: Command,
    method: Option<String>,
    data: Vec<String>,
    parts: Vec<(String, Part)>,
    in_query: bool,
}

impl Reading {
    fn option(&mut self, long: &str, value: Option<String>) -> Result<(), Refusal> {
        let value = value.unwrap_or_default();
        match long {
            "--request" => {
                let method = value.to_ascii_uppercase();
                if !METHODS.contains(&method.as_str()) {
                    return Err(Refusal::at(format!("-X {value}"), "this is no method of HTTP"));
                }
                self.method = Some(method);
            }
            "--header" => self.header(&value)?,
            "--data" | "--data-ascii" | "--data-binary" => {
                if value.starts_with('@') {
                    return Err(Refusal::new(format!("`{value}` reads a file; put what it holds into the command")));
                }
                self.data.push(value);
            }
            "--data-raw" => self.data.push(value),
            "--data-urlencode" => self.data.push(encoded(&value)?),
            "--url-query" => {
                let pair = encoded(&value)?;
                self.command.query.extend(pairs(&pair));
            }
            "--json" => {
                self.data.push(value);
                self.default_header("content-type", "application/json");
            }
            "--form" | "--form-string" => self.form(&value, long == "--form")?,
            "--user" => {
                let (user, password) = value.split_once(':').unwrap_or((&value, ""));
                self.command.user = Some((user.to_owned(), password.to_owned()));
            }
            "--oauth2-bearer" => self.command.headers.push(("authorization".to_owned(), format!("Bearer {value}"))),
            "--cookie" => self.cookies(&value)?,
            "--get" => self.in_query = true,
            "--head" => self.method = Some("HEAD".to_owned()),
            "--url" => self.address(&value)?,
            long if options::is_ignored(long) => {}
            long => return Err(unknown(long)),
        }
        Ok(())
    }

    fn header(&mut self, text: &str) -> Result<(), Refusal> {
        let Some((name, value)) = text.split_once(':') else {
            // `Name;` is a header without a value
            let message = "there is no `name: value` behind one of the `-H`";
            return if text.ends_with(';') { Ok(()) } else { Err(Refusal::new(message)) };
        };
        if !is_token(name.trim()) {
            let message = "this is no name of a header: names have letters, digits and dashes";
            return Err(Refusal::at(format!("-H '{name}: …'"), message));
        }
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if name == "cookie" {
            self.cookies(&value)?;
        } else if !value.is_empty() {
            self.command.headers.push((name, value));
        }
        Ok(())
    }

    fn default_header(&mut self, name: &str, value: &str) {
        if !self.command.headers.iter().any(|(it, _)| it == name) {
            self.command.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn cookies(&mut self, text: &str) -> Result<(), Refusal> {
        if !text.contains('=') {
            return Err(Refusal::new(format!(
                "`{text}` reads cookies from a file; put them into the command: `name=value`"
            )));
        }
        for (name, value) in text.split(';').filter_map(|it| it.trim().split_once('=')) {
            if !is_token(name) {
                let message = "this is no name of a cookie: names have letters, digits and dashes";
                return Err(Refusal::at(format!("-b '{name}=…'"), message));
            }
            if !self.command.cookies.iter().any(|(it, _)| it == name) {
                self.command.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    fn form(&mut self, text: &str, reads: bool) -> Result<(), Refusal> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| Refusal::new(format!("`-F {text}` is no `name=value`")))?;
        if reads && value.starts_with('<') {
            return Err(Refusal::new(format!("`-F {text}` reads a file; put what it holds into the command")));
        }
        let part = match value.strip_prefix('@').filter(|_| reads) {
            Some(_) => Part::File,
            None => Part::Value(value.split(";type=").next().unwrap_or_default().to_owned()),
        };
        self.parts.push((name.to_owned(), part));
        Ok(())
    }

    fn address(&mut self, text: &str) -> Result<(), Refusal> {
        if self.command.url.is_some() {
            return Err(Refusal::new(format!(
                "there are two addresses, the second being `{text}`; one command is one request"
            )));
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&whole).ok().filter(|it| it.has_host() && matches!(it.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Refusal::new(format!("`{text}` is no address")))?;
        if let Some(why) = hosts::refuse(url.host_str().unwrap_or_default()) {
            let host = &url[Position::BeforeHost..Position::AfterHost];
            return Err(Refusal::at(format!("the host `{host}`"), why));
        }
        self.command.url = Some(url);
        Ok(())
    }

    fn finish(mut self) -> Result<Command, Refusal> {
        let Some(url) = &mut self.command.url else { return Err(Refusal::new("the command has no address")) };
        let in_address: Vec<_> = url.query_pairs().into_owned().collect();
        if !url.username().is_empty() {
            let decoded = |it: &str| percent_decode_str(it).decode_utf8_lossy().into_owned();
            let user = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
            self.command.user.get_or_insert(user);
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        url.set_query(None);
        url.set_fragment(None);
        self.command.query.splice(0..0, in_address);
        let data = self.data.join("&");
        let has_data = !self.data.is_empty();
        if has_data && self.in_query {
            self.command.query.extend(pairs(&data));
        } else if has_data {
            self.command.body = Some(Sent::Text(data));
        } else if !self.parts.is_empty() {
            self.command.body = Some(Sent::Parts(self.parts));
        }
        let by_body = if self.command.body.is_some() { "POST" } else { "GET" };
        self.command.method = self.method.unwrap_or_else(|| by_body.to_owned());
        if let Some(position) = self
            .command
            .headers
            .iter()
            .position(|(name, value)| name == "authorization" && value.to_ascii_lowercase().starts_with("basic "))
        {
            let (_, value) = self.command.headers.remove(position);
            let decoded =
                STANDARD.decode(value[6..].trim()).ok().and_then(|it| String::from_utf8(it).ok()).unwrap_or_default();
            let (user, password) = decoded.split_once(':').unwrap_or((&decoded, ""));
            self.command.user = Some((user.to_owned(), password.to_owned()));
        }
        Ok(self.command)
    }
}

/// `name=content`, the content encoded; `=content` and `content` have no name.
fn encoded(text: &str) -> Result<String, Refusal> {
    let encode = |it: &str| utf8_percent_encode(it, NON_ALPHANUMERIC).to_string();
    match text.split_once('=') {
        Some(("", content)) => Ok(encode(content)),
        Some((name, content)) => Ok(format!("{name}={}", encode(content))),
        None if text.contains('@') => {
            Err(Refusal::new(format!("`{text}` reads a file; put what it holds into the command")))
        }
        None => Ok(encode(text)),
    }
}

/// Whether a text is a token (RFC 9110 §5.6.2), as names of headers and cookies are.
pub(super) fn is_token(text: &str) -> bool {
    let is_one = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it);
    !text.is_empty() && text.bytes().all(is_one)
}

/// The pairs of a query or a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
