//! Every request code of the schema is answered as the schema says: handled, or declared
//! unsupported.

use std::{fs, path::Path};

use remora_tests::{Kind, Options, Target, wire::Wire};
use serde_json::{Value, json};

const NOT_SUPPORTED: i64 = 3;

/// All rows of the schema.
fn codes() -> Vec<Value> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol-spec/schema");
    let areas =
        fs::read_dir(&schema).unwrap_or_else(|cause| panic!("{}: {cause}", schema.display()));
    areas
        .map(|area| {
            let path = area.unwrap_or_else(|cause| panic!("{}: {cause}", schema.display())).path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            serde_json::from_str(&text)
                .unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
        })
        .flat_map(|area: Value| area["codes"].as_array().cloned().unwrap_or_default())
        .collect()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_code_is_handled_or_refused_as_declared() {
    if Kind::chosen() != Kind::Remora {
        return;
    }
    let target = Target::fresh(&Options::default());
    let rows = codes();
    assert!(rows.len() > 150, "only {} codes", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let receivers = names(&row["to"]);
        let handled = row["status"] == "handled";
        assert!(handled || row["reason"].is_string(), "neither handled nor with a reason: {row}");
        for (receiver, address) in
            [("broker", target.broker()), ("nameserver", target.nameserver())]
        {
            if !receivers.contains(&receiver) {
                continue;
            }
            let number = row["code"].as_i64().and_then(|code| i32::try_from(code).ok());
            let number = number.unwrap_or_else(|| panic!("no code: {row}"));
            // Without a single field: a handler must refuse that, or do something harmless, but not
            // claim not to exist.
            let reply = Wire::connect(&address).ask(number, &json!({}), &[]);
            if (reply.code() != NOT_SUPPORTED) != handled {
                wrong.push(format!("{number} {} at the {receiver}: {}", row["name"], reply.header));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
