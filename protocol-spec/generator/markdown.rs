//! Writes the tables of the specification.
use std::fmt::Write as _;

use super::model::{Area, Auth, Code, Header, Schema};
use super::text::Files;

const NOTE: &str =
    "<!-- Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit. -->\n";

/// Every generated file by its path below `spec/`.
pub fn files(schema: &Schema) -> Files {
    let mut files = Files::new();
    files.insert("requests/README.md".into(), index(schema));
    files.insert("requests/responses.md".into(), responses(schema));
    for area in &schema.areas {
        files.insert(format!("requests/{}.md", area.area), area_page(schema, area));
    }
    files
}

fn index(schema: &Schema) -> String {
    let mut out = format!(
        "{NOTE}# Requests\n\nEvery request code by number. *Served* says what this implementation \
         does; a code that is\nnot served is answered with 3. The names are Apache's.\n\n\
         | code | name | from | to | served | page |\n|---|---|---|---|---|---|\n"
    );
    let mut rows: Vec<_> = schema
        .areas
        .iter()
        .flat_map(|area| area.codes.iter().map(move |code| (code, area.area.as_str())))
        .collect();
    rows.sort_by_key(|(code, _)| code.code);
    for (code, area) in rows {
        let served = match (&code.reason, code.dead) {
            (None, _) => "yes",
            (Some(_), true) => "no, dead",
            (Some(_), false) => "no",
        };
        _ = writeln!(
            out,
            "| {} | {} | {} | {} | {served} | [{area}]({area}.md#{}) |",
            code.code,
            code.name,
            code.from.join(", "),
            code.to.join(", "),
            anchor(code)
        );
    }
    out
}

fn responses(schema: &Schema) -> String {
    let about = &schema.responses.about;
    let mut out =
        format!("{NOTE}# Response codes\n\n{about}\n\n| code | name | meaning |\n|---|---|---|\n");
    let mut rows: Vec<_> = schema.responses.responses.iter().collect();
    rows.sort_by_key(|response| response.code);
    for response in rows {
        _ = writeln!(out, "| {} | {} | {} |", response.code, response.name, cell(&response.about));
    }
    let elsewhere = schema.responses.retry_elsewhere.join(", ");
    _ = write!(
        out,
        "\nA producer tries another broker on {elsewhere},\nand when it cannot connect "
    );
    out.push_str("or gets no answer in time. Anything else goes to the application.\n");
    out
}

fn area_page(schema: &Schema, area: &Area) -> String {
    let mut out = format!("{NOTE}# {}\n\n{}\n", area.area, area.about);
    for code in &area.codes {
        code_section(&mut out, code);
    }
    if area.headers.is_empty() {
        return out;
    }
    out.push_str("\n## Headers\n");
    for header in &area.headers {
        header_section(&mut out, schema, header);
    }
    out
}

fn code_section(out: &mut String, code: &Code) {
    _ = write!(out, "\n## {} {}\n\n{}\n\n", code.code, code.name, code.about);
    _ = write!(out, "- {} → {}", code.from.join(", "), code.to.join(", "));
    match code.oneway.as_deref() {
        Some("always") => out.push_str("; one-way: never answered"),
        Some(_) => out.push_str("; may be one-way"),
        None => {}
    }
    if let Some(since) = &code.since {
        _ = write!(out, "; since Apache RocketMQ {since}");
    }
    out.push('\n');
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            _ = writeln!(out, "- {name}: {value}");
        }
    };
    let form = if code.form.is_some() { " with one-letter names" } else { "" };
    line("header", code.header.as_ref().map(|class| format!("{class}{form}")));
    line("body", code.body.clone());
    line("reply header", code.reply.clone());
    line("reply body", code.reply_body.clone());
    line("permission", code.auth.as_ref().map(permission));
    line("answers", Some(code.responses.join(", ")));
    line("not served", code.reason.clone());
}

fn permission(auth: &Auth) -> String {
    let actions = auth.actions.join(" and ");
    match &auth.resource {
        Some(resource) => format!("{actions} on the {}", resource.to_lowercase()),
        None => format!("{actions} on what the header names"),
    }
}

fn header_section(out: &mut String, schema: &Schema, header: &Header) {
    _ = write!(out, "\n### {}\n\n", header.class);
    let users: Vec<_> = schema
        .codes()
        .into_iter()
        .filter(|code| {
            code.header.as_ref() == Some(&header.class)
                || code.reply.as_ref() == Some(&header.class)
        })
        .map(|code| code.name.clone())
        .collect();
    let place = if header.kind == "request" { "Request header of" } else { "Reply header of" };
    _ = writeln!(out, "{place} {}.", users.join(", "));
    if let Some(base) = &header.base {
        let more = if base.starts_with("Topic") { ", `lo`" } else { "" };
        _ = writeln!(out, "Also accepts `ns`, `nsd`, `bname`, `oway`{more}.");
    }
    if header.fields.is_empty() {
        out.push_str("It has no fields.\n");
        return;
    }
    let short = header.fields.iter().any(|field| field.short.is_some());
    let (head, rule) = if short { ("short | ", "---|") } else { ("", "") };
    _ = write!(out, "\n| field | {head}type | required | meaning |\n|---|{rule}---|---|---|\n");
    for field in &header.fields {
        let short = match (&field.short, short) {
            (Some(name), _) => format!("{name} | "),
            (None, true) => " | ".into(),
            (None, false) => String::new(),
        };
        let kind = if field.kind == "text" { "str" } else { &field.kind };
        let required = if field.required { "yes" } else { "" };
        let unit = field.unit.as_ref().map(|unit| format!(" In {unit}.")).unwrap_or_default();
        let about = cell(&field.about);
        _ = writeln!(out, "| {} | {short}{kind} | {required} | {about}{unit} |", field.wire);
    }
}

fn anchor(code: &Code) -> String {
    format!("{}-{}", code.code, code.name.to_lowercase())
}

/// Text that cannot break out of its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
