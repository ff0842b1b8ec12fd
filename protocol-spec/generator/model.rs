//! The schema as it stands in `schema/*.json`.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

#[derive(Debug)]
pub struct Schema {
    pub areas: Vec<Area>,
    pub responses: Responses,
}

/// One file: the codes of one area and the headers first used there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub area: String,
    pub about: String,
    pub codes: Vec<Code>,
    pub headers: Vec<Header>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub code: i32,
    pub name: String,
    pub about: String,
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// `allowed` or `always`; absent where an answer is always waited for.
    pub oneway: Option<String>,
    pub lane: String,
    pub since: Option<String>,
    pub auth: Option<Auth>,
    /// Class of the request header; absent where a request carries no fields.
    pub header: Option<String>,
    /// `short` where the fields have their one-letter names.
    pub form: Option<String>,
    pub body: Option<String>,
    pub reply: Option<String>,
    pub reply_body: Option<String>,
    pub responses: Vec<String>,
    pub status: String,
    pub reason: Option<String>,
    #[serde(default)]
    pub dead: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub actions: Vec<String>,
    pub resource: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub class: String,
    pub rust: String,
    /// `request` or `reply`.
    pub kind: String,
    /// `Rpc`, `Topic` or `TopicQueue`: which common fields the class inherits.
    pub base: Option<String>,
    pub about: Option<String>,
    /// Comes with every message: decoded field by field from its place, without looking at names.
    #[serde(default)]
    pub hot: bool,
    pub fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub wire: String,
    pub rust: String,
    /// One-letter name in the short form.
    pub short: Option<String>,
    /// `str`, `text` (a string that is unescaped late), `int`, `long` or `bool`.
    #[serde(rename = "type")]
    pub kind: String,
    pub required: bool,
    pub unit: Option<String>,
    pub about: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Responses {
    pub about: String,
    /// Names of the codes on which a producer tries another broker.
    pub retry_elsewhere: Vec<String>,
    pub responses: Vec<Response>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    pub code: i32,
    pub name: String,
    pub about: String,
}

impl Schema {
    /// Reads and checks every file of `folder`; a mistake is described in the error.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut areas = Vec::new();
        let mut responses = None;
        let mut paths: Vec<_> = fs::read_dir(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        for path in paths {
            let wrong = |error: String| format!("{}: {error}", path.display());
            let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
            if path.file_stem().is_some_and(|stem| stem == "responses") {
                let read = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
                responses = Some(read);
            } else {
                let area = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
                areas.push(area);
            }
        }
        let responses = responses.ok_or("responses.json is missing")?;
        let schema = Self { areas, responses };
        schema.check()?;
        Ok(schema)
    }

    pub fn header(&self, class: &str) -> Option<&Header> {
        self.areas.iter().flat_map(|area| &area.headers).find(|header| header.class == class)
    }

    /// Every code in order of its number.
    pub fn codes(&self) -> Vec<&Code> {
        let mut codes: Vec<_> = self.areas.iter().flat_map(|area| &area.codes).collect();
        codes.sort_by_key(|code| code.code);
        codes
    }

    fn check(&self) -> Result<(), String> {
        let mut numbers = BTreeMap::new();
        for code in self.codes() {
            if let Some(other) = numbers.insert(code.code, &code.name) {
                return Err(format!("code {} is both {other} and {}", code.code, code.name));
            }
            self.check_code(code)?;
        }
        for area in &self.areas {
            for field in area.headers.iter().flat_map(|header| &header.fields) {
                if !["str", "text", "int", "long", "bool"].contains(&field.kind.as_str()) {
                    return Err(format!("{}: unknown type {}", field.wire, field.kind));
                }
            }
        }
        Ok(())
    }

    fn check_code(&self, code: &Code) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{} {}: {what}", code.code, code.name));
        for class in [&code.header, &code.reply].into_iter().flatten() {
            if self.header(class).is_none() {
                return wrong(format!("no header {class}"));
            }
        }
        for name in &code.responses {
            if !self.responses.responses.iter().any(|response| response.name == *name) {
                return wrong(format!("no response {name}"));
            }
        }
        for role in code.to.iter().chain(&code.from) {
            if !["client", "broker", "slave", "nameserver", "controller"].contains(&role.as_str()) {
                return wrong(format!("unknown role {role}"));
            }
        }
        if !["Send", "Pull", "Client", "Admin"].contains(&code.lane.as_str()) {
            return wrong(format!("unknown lane {}", code.lane));
        }
        match (code.status.as_str(), &code.reason) {
            ("handled", None) | ("unsupported", Some(_)) => Ok(()),
            _ => wrong("status must be handled, or unsupported with a reason".into()),
        }
    }
}
