//! Writes the Rust side: codes, header types, request markers and the table of all codes.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::model::{Area, Code, Field, Header, Schema};
use super::text::{Files, camel, doc, item_list};

const NOTE: &str =
    "// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.\n";

/// Every generated file by its path below `src/generated/`.
pub fn files(schema: &Schema) -> Files {
    let mut files = Files::new();
    files.insert("mod.rs".into(), root());
    files.insert("codes.rs".into(), request_codes(schema));
    files.insert("responses.rs".into(), response_codes(schema));
    files.insert("table.rs".into(), table(schema));
    files.insert("hot.rs".into(), hot(schema));
    let mut header_mod = format!("{NOTE}//! Request and reply headers, by area.\n");
    let mut request_mod = format!("{NOTE}//! One marker type a request code, by area.\n");
    for area in &schema.areas {
        if !area.headers.is_empty() {
            _ = write!(header_mod, "mod {0};\npub use {0}::*;\n", area.area);
            files.insert(format!("header/{}.rs", area.area), headers(area));
        }
        _ = write!(request_mod, "mod {0};\npub use {0}::*;\n", area.area);
        files.insert(format!("request/{}.rs", area.area), requests(schema, area));
    }
    files.insert("header/mod.rs".into(), header_mod);
    files.insert("request/mod.rs".into(), request_mod);
    files
}

fn root() -> String {
    format!(
        "{NOTE}//! Codes, headers and request markers, made from the schema.\n\
         mod codes;\npub mod header;\npub(crate) mod hot;\npub mod request;\nmod responses;\nmod table;\n\n\
         pub use responses::RETRY_ELSEWHERE;\npub use table::ALL;\n"
    )
}

fn request_codes(schema: &Schema) -> String {
    let mut out = format!("{NOTE}//! Constants of all request codes.\n");
    out.push_str("use crate::code::RequestCode;\n\nimpl RequestCode {\n");
    for code in schema.codes() {
        doc(&mut out, "    ", &code.about);
        _ = writeln!(out, "    pub const {}: Self = Self({});", code.name, code.code);
    }
    out.push_str("}\n");
    out
}

fn response_codes(schema: &Schema) -> String {
    let mut out = format!("{NOTE}//! Constants and names of all response codes.\n");
    out.push_str("use crate::code::ResponseCode;\n\nimpl ResponseCode {\n");
    let mut responses: Vec<_> = schema.responses.responses.iter().collect();
    responses.sort_by_key(|response| response.code);
    for response in &responses {
        doc(&mut out, "    ", &response.about);
        _ = writeln!(out, "    pub const {}: Self = Self({});", response.name, response.code);
    }
    out.push_str("\n    /// Its name in Apache RocketMQ; `None` for a number without one.\n");
    out.push_str("    pub fn name(self) -> Option<&'static str> {\n        Some(match self.0 {\n");
    for response in &responses {
        _ = writeln!(out, "            {} => \"{}\",", response.code, response.name);
    }
    out.push_str("            _ => return None,\n        })\n    }\n}\n\n");
    doc(&mut out, "", "The codes on which a producer tries another broker.");
    out.push_str("pub const RETRY_ELSEWHERE: &[ResponseCode] = &[\n");
    for name in &schema.responses.retry_elsewhere {
        _ = writeln!(out, "    ResponseCode::{name},");
    }
    out.push_str("];\n");
    out
}

fn table(schema: &Schema) -> String {
    let mut out = format!("{NOTE}//! The table of all codes, in order of their numbers.\n");
    let mut headers = BTreeSet::new();
    let mut rows = String::new();
    for code in schema.codes() {
        let fields = match code.header.as_deref().and_then(|class| schema.header(class)) {
            Some(header) => {
                headers.insert(header.rust.as_str());
                format!("{}::FIELDS", header.rust)
            }
            None => "&[]".into(),
        };
        let roles: Vec<_> = code.to.iter().map(|role| camel(role)).collect();
        let facts =
            format!("{}, \"{}\", {}, &[{}]", code.code, code.name, code.lane, roles.join(", "));
        match &code.reason {
            None => _ = writeln!(rows, "    handled({facts}, {fields}),"),
            Some(reason) => {
                _ = write!(rows, "    unsupported({facts}, {fields},\n        {reason:?}),\n");
            }
        }
    }
    out.push_str("use crate::code::Lane::{Admin, Client as ClientLane, Pull, Send};\n");
    let rows = rows.replace("\", Client, &[", "\", ClientLane, &[");
    out.push_str("use crate::schema::Role::{Broker, Client, Controller, Nameserver};\n");
    out.push_str("use crate::schema::{CodeInfo, handled, unsupported};\n\n");
    item_list(&mut out, "use super::header::", headers.iter().copied());
    out.push_str("\n/// Every request code that is known, in order of its number.\n");
    _ = write!(out, "pub const ALL: &[CodeInfo] = &[\n{rows}];\n");
    out
}

fn requests(schema: &Schema, area: &Area) -> String {
    let mut out = format!("{NOTE}//! {}\n", area.about);
    let headers: BTreeSet<_> =
        area.codes.iter().filter_map(|code| view(schema, code)).map(|h| h.rust.as_str()).collect();
    out.push_str("use crate::code::{Lane, RequestCode};\n");
    out.push_str("use crate::fields::{Fields, HeaderError, RequestHeader};\n");
    item_list(&mut out, "use crate::generated::header::", headers.iter().copied());
    for code in &area.codes {
        request(&mut out, schema, code);
    }
    out
}

/// The header that a request is read into; none where it has no fields.
fn view<'s>(schema: &'s Schema, code: &Code) -> Option<&'s Header> {
    let header = code.header.as_deref().and_then(|class| schema.header(class))?;
    if header.fields.is_empty() { None } else { Some(header) }
}

fn request(out: &mut String, schema: &Schema, code: &Code) {
    let name = camel(&code.name);
    out.push('\n');
    doc(out, "", &format!("Code {}. {}", code.code, code.about));
    _ = writeln!(out, "#[derive(Clone, Copy, Debug)]\npub struct {name};\n");
    _ = writeln!(out, "impl RequestHeader for {name} {{");
    _ = writeln!(out, "    const CODE: RequestCode = RequestCode::{};", code.name);
    _ = writeln!(out, "    const NAME: &'static str = \"{}\";", code.name);
    _ = writeln!(out, "    const LANE: Lane = Lane::{};", code.lane);
    match view(schema, code) {
        None => {
            out.push_str("    type View<'a> = ();\n\n");
            out.push_str("    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {\n");
            out.push_str("        Ok(())\n");
        }
        Some(header) => {
            let (bare, borrowed, _) = spellings(header);
            let decode = if code.form.is_some() { "decode_short" } else { "decode" };
            _ = writeln!(out, "    type View<'a> = {borrowed};\n");
            let (generics, fields) = decode_types(header);
            _ = writeln!(
                out,
                "    fn decode{generics}(fields: &{fields}) -> Result<{borrowed}, HeaderError> {{"
            );
            _ = writeln!(out, "        {bare}::{decode}(fields)");
        }
    }
    out.push_str("    }\n}\n");
}

/// The generics of a function that reads the header, and the type of its fields.
fn decode_types(header: &Header) -> (&'static str, &'static str) {
    if borrows(header) { ("<'a>", "Fields<'a>") } else { ("", "Fields<'_>") }
}

/// The type's name bare, with `'a` and with `'_`.
fn spellings(header: &Header) -> (String, String, String) {
    let name = header.rust.clone();
    if borrows(header) {
        (name.clone(), format!("{name}<'a>"), format!("{name}<'_>"))
    } else {
        (name.clone(), name.clone(), name)
    }
}

fn borrows(header: &Header) -> bool {
    header.fields.iter().any(|field| field.kind == "str" || field.kind == "text")
}

fn headers(area: &Area) -> String {
    let fields = || area.headers.iter().flat_map(|header| &header.fields);
    let has = |kind: &str| fields().any(|field| field.kind == kind);
    let mut out = format!("{NOTE}//! {}\n", area.about);
    if has("str") {
        out.push_str("use std::borrow::Cow;\n\n");
    }
    out.push_str("use crate::field_writer::FieldWriter;\n");
    out.push_str("use crate::fields::{EncodeHeader, Fields, HeaderError};\n");
    let mut readers = Vec::new();
    if area.headers.iter().any(|header| header.hot) {
        readers.push("FieldValue");
    }
    if has("bool") {
        readers.push("boolean");
    }
    if has("int") {
        readers.push("int");
    }
    if has("long") {
        readers.push("long");
    }
    if fields().any(|field| field.required) {
        readers.push("required");
    }
    item_list(&mut out, "use crate::field_value::", readers.into_iter());
    if has("text") {
        out.push_str("use crate::text::Text;\n");
    }
    if area.headers.iter().any(|header| header.hot) {
        out.push_str("use crate::field_order::{Names, Order};\nuse crate::generated::hot;\n");
    }
    for header in &area.headers {
        structure(&mut out, header);
        if header.fields.is_empty() {
            empty_header(&mut out, header);
            continue;
        }
        decoders(&mut out, header);
        encoder(&mut out, header);
        if short_form(header) {
            short_encoder(&mut out, header);
        }
    }
    out
}

fn structure(out: &mut String, header: &Header) {
    out.push('\n');
    let kind = if header.kind == "request" { "Request" } else { "Reply" };
    let about = header.about.as_deref().map(|about| format!(": {about}")).unwrap_or_default();
    doc(out, "", &format!("{kind} header `{}`{about}", header.class));
    let copy = if borrows(header) { "" } else { "Copy, " };
    _ = writeln!(out, "#[derive(Clone, {copy}PartialEq, Eq, Debug, Default)]");
    if header.fields.is_empty() {
        _ = writeln!(out, "pub struct {};", header.rust);
        return;
    }
    _ = writeln!(out, "pub struct {} {{", spellings(header).1);
    for field in &header.fields {
        let unit = field.unit.as_deref().map(|unit| format!(" In {unit}.")).unwrap_or_default();
        doc(out, "    ", &format!("{}{unit}", field.about));
        _ = writeln!(out, "    pub {}: {},", field.rust, field_type(field));
    }
    out.push_str("}\n");
}

fn field_type(field: &Field) -> String {
    let kind = match field.kind.as_str() {
        "int" => "i32",
        "long" => "i64",
        "bool" => "bool",
        "text" => "Text<'a>",
        _ => "Cow<'a, str>",
    };
    // Late text is empty where it is absent: an empty property string means the same.
    if field.required || field.kind == "text" { kind.into() } else { format!("Option<{kind}>") }
}

fn empty_header(out: &mut String, header: &Header) {
    let name = &header.rust;
    _ = write!(
        out,
        "\nimpl {name} {{\n    /// There is nothing to read.\n    \
         pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {{\n        Ok(Self)\n    }}\n\n    \
         /// Wire names of the fields.\n    \
         pub const FIELDS: &'static [&'static str] = &[];\n}}\n\n\
         impl EncodeHeader for {name} {{\n    fn encode(&self, _out: &mut FieldWriter<'_>) {{}}\n}}\n"
    );
}

fn short_form(header: &Header) -> bool {
    header.fields.iter().any(|field| field.short.is_some())
}

fn decoders(out: &mut String, header: &Header) {
    let (_, borrowed, _) = spellings(header);
    let generics = if borrows(header) { "<'a>" } else { "" };
    _ = writeln!(out, "\nimpl{generics} {borrowed} {{");
    out.push_str("    /// Wire names of the fields.\n");
    out.push_str("    pub const FIELDS: &'static [&'static str] = &[\n");
    for field in &header.fields {
        _ = writeln!(out, "        \"{}\",", field.wire);
    }
    out.push_str("    ];\n\n");
    out.push_str("    /// Reads the fields in one pass; unknown ones are skipped.\n");
    decoder(out, header, &LONG);
    if short_form(header) {
        out.push_str("\n    /// The same for the form with one-letter names.\n");
        decoder(out, header, &SHORT);
    }
    if header.hot {
        decoder_by_place(out, header);
    }
    out.push_str("}\n");
}

/// One of the forms of a header.
struct Form {
    /// Of the function that reads it.
    suffix: &'static str,
    /// A field's wire name in it.
    name: fn(&Field) -> Option<&str>,
}

const LONG: Form = Form { suffix: "", name: |field| Some(&field.wire) };
const SHORT: Form = Form { suffix: "_short", name: |field| field.short.as_deref() };

fn decoder(out: &mut String, header: &Header, form: &Form) {
    let suffix = form.suffix;
    if !header.hot {
        return decoder_by_name(out, header, form, &format!("pub fn decode{suffix}"));
    }
    _ = write!(
        out,
        "    pub fn decode{suffix}(fields: &Fields<'a>) -> Result<Self, HeaderError> {{\n        \
         match Self::by_place(fields, &hot::{}) {{\n            \
         Some(header) => Ok(header),\n            \
         None => Self::decode{suffix}_by_name(fields),\n        }}\n    }}\n\n",
        hot_name(header, form)
    );
    decoder_by_name(out, header, form, &format!("#[cold]\n    fn decode{suffix}_by_name"));
}

/// Reads a hot header in any of its forms.
fn decoder_by_place(out: &mut String, header: &Header) {
    out.push_str(
        "\n    /// `None` where a field is missing or malformed, or the header unusual.\n    \
         #[inline(always)] // once for each of its callers: 200 instructions less a message\n    \
         fn by_place(fields: &Fields<'a>, names: &Names) -> Option<Self> {\n        \
         let mut found = Order::UNKNOWN;\n        \
         let order = fields.order(names, &mut found)?;\n        \
         let at = |slot| fields.at(order, slot);\n        \
         Some(Self {\n",
    );
    for (slot, field) in header.fields.iter().enumerate() {
        let name = &field.rust;
        let read = match field.kind.as_str() {
            "int" => "int()?",
            "long" => "long()?",
            "bool" => "boolean()?",
            _ => "to_str()",
        };
        _ = match field.kind.as_str() {
            "text" => writeln!(
                out,
                "            {name}: at({slot}).map_or_else(Text::default, FieldValue::text),"
            ),
            _ if field.required => writeln!(out, "            {name}: at({slot})?.{read},"),
            "str" => writeln!(out, "            {name}: at({slot}).map(FieldValue::to_str),"),
            _ => writeln!(
                out,
                "            {name}: match at({slot}) {{\n                \
                 Some(value) => Some(value.{read}),\n                \
                 None => None,\n            }},"
            ),
        };
    }
    out.push_str("        })\n    }\n");
}

/// The constant with the names of a form of a hot header.
fn hot_name(header: &Header, form: &Form) -> String {
    let mut name = String::new();
    for letter in header.rust.trim_end_matches("Header").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name + &form.suffix.to_ascii_uppercase()
}

/// The names of the hot headers, and which code has which.
fn hot(schema: &Schema) -> String {
    let mut out = format!("{NOTE}//! The names of the headers that come with every message.\n");
    out.push_str("use crate::field_order::Names;\nuse crate::generated::header;\n");
    let mut arms: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for code in schema.codes() {
        let Some(header) = view(schema, code).filter(|header| header.hot) else { continue };
        let form = if code.form.is_some() { SHORT } else { LONG };
        arms.entry(hot_name(header, &form)).or_default().push(code.code);
    }
    let mut id = 0;
    for header in schema.areas.iter().flat_map(|area| &area.headers).filter(|header| header.hot) {
        for form in [LONG, SHORT] {
            let name = hot_name(header, &form);
            if !arms.contains_key(&name) {
                continue;
            }
            id += 1;
            _ = writeln!(out, "\npub(crate) const {name}: Names = Names {{\n    id: {id},");
            if form.suffix == LONG.suffix {
                _ = writeln!(out, "    list: header::{}::FIELDS,\n}};", header.rust);
                continue;
            }
            out.push_str("    list: &[\n");
            for field in &header.fields {
                _ = writeln!(out, "        \"{}\",", (form.name)(field).unwrap_or_default());
            }
            out.push_str("    ],\n};\n");
        }
    }
    out.push_str(
        "\n/// The names that requests of this code have, where they come with every message.\n",
    );
    out.push_str(
        "pub(crate) fn names_of(code: i32) -> Option<&'static Names> {\n    Some(match code {\n",
    );
    for (name, codes) in arms {
        let codes: Vec<_> = codes.iter().map(i32::to_string).collect();
        _ = writeln!(out, "        {} => &{name},", codes.join(" | "));
    }
    out.push_str("        _ => return None,\n    })\n}\n");
    out
}

fn decoder_by_name(out: &mut String, header: &Header, form: &Form, function: &str) {
    let (_, fields_type) = decode_types(header);
    _ = writeln!(out, "    {function}(fields: &{fields_type}) -> Result<Self, HeaderError> {{");
    if header.fields.iter().any(|field| field.required) {
        for field in header.fields.iter().filter(|field| field.required) {
            _ = writeln!(out, "        let mut {} = None;", field.rust);
        }
    }
    for field in header.fields.iter().filter(|field| !field.required) {
        let none = if field.kind == "text" { "Text::default()" } else { "None" };
        _ = writeln!(out, "        let mut {} = {none};", field.rust);
    }
    out.push_str("        fields.for_each(&mut |wire_name, raw| {\n");
    out.push_str("            match wire_name {\n");
    for field in &header.fields {
        let Some(name) = (form.name)(field) else { continue };
        let value = match field.kind.as_str() {
            "int" => format!("Some(int(\"{}\", raw)?)", field.wire),
            "long" => format!("Some(long(\"{}\", raw)?)", field.wire),
            "bool" => format!("Some(boolean(\"{}\", raw)?)", field.wire),
            "text" => "raw.text()".into(),
            _ => "Some(raw.to_str())".into(),
        };
        _ = writeln!(out, "                \"{name}\" => {} = {value},", field.rust);
    }
    out.push_str("                _ => {}\n            }\n            Ok(())\n        })?;\n");
    out.push_str("        Ok(Self {\n");
    for field in &header.fields {
        if field.required {
            _ = writeln!(out, "            {0}: required(\"{1}\", {0})?,", field.rust, field.wire);
        } else {
            _ = writeln!(out, "            {},", field.rust);
        }
    }
    out.push_str("        })\n    }\n");
}

fn encoder(out: &mut String, header: &Header) {
    _ = writeln!(out, "\nimpl EncodeHeader for {} {{", spellings(header).2);
    out.push_str("    fn encode(&self, out: &mut FieldWriter<'_>) {\n");
    for field in &header.fields {
        write_field(out, field, &field.wire, "self");
    }
    out.push_str("    }\n}\n");
}

fn short_encoder(out: &mut String, header: &Header) {
    let name = header.rust.trim_end_matches("Header");
    out.push('\n');
    doc(out, "", &format!("Writes a `{}` with one-letter field names.", header.rust));
    _ = writeln!(
        out,
        "#[derive(Clone, Copy, Debug)]\npub struct {name}V2<'a>(pub &'a {}<'a>);\n",
        header.rust
    );
    _ = writeln!(out, "impl EncodeHeader for {name}V2<'_> {{");
    out.push_str("    fn encode(&self, out: &mut FieldWriter<'_>) {\n");
    for field in &header.fields {
        if let Some(short) = &field.short {
            write_field(out, field, short, "self.0");
        }
    }
    out.push_str("    }\n}\n");
}

fn write_field(out: &mut String, field: &Field, wire: &str, of: &str) {
    let name = &field.rust;
    let call = |value: &str| match field.kind.as_str() {
        "int" => format!("out.int(\"{wire}\", i64::from({value}));"),
        "long" => format!("out.int(\"{wire}\", {value});"),
        "bool" => format!("out.bool(\"{wire}\", {value});"),
        "text" => format!("out.text(\"{wire}\", {value});"),
        _ => format!("out.str(\"{wire}\", {value});"),
    };
    let place = format!("{of}.{name}");
    if field.kind == "text" {
        _ = writeln!(out, "        if !{place}.is_empty() {{");
        _ = writeln!(out, "            {}\n        }}", call(&place));
    } else if !field.required {
        let pattern = if field.kind == "str" { format!("&{place}") } else { place };
        _ = writeln!(out, "        if let Some(value) = {pattern} {{");
        _ = writeln!(out, "            {}\n        }}", call("value"));
    } else if field.kind == "str" {
        _ = writeln!(out, "        {}", call(&format!("&{place}")));
    } else {
        _ = writeln!(out, "        {}", call(&place));
    }
}
