//! Changes of a topic's or a group's attributes, in Apache's notation: `+name` sets, `-name`
//! removes. A bare name sets as well: so does a configuration that was read and is written back.
use std::collections::BTreeMap;

use remora_protocol::ResponseCode;
use remora_remoting::Refusal;

/// Attributes after the changes that a request brings instead of them.
pub(crate) fn changed(
    known: Option<&BTreeMap<String, String>>,
    changes: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut attributes = known.cloned().unwrap_or_default();
    for (signed, value) in changes {
        if let Some(name) = signed.strip_prefix('-') {
            attributes.remove(name);
        } else {
            attributes.insert(signed.trim_start_matches('+').to_owned(), value);
        }
    }
    attributes
}

/// Changes written as one text: `+name=value` and `-name`, separated by commas.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let changes = text.split(',').map(str::trim).filter(|change| !change.is_empty());
    let parsed = changes.map(|change| match change.split_once('=') {
        Some((signed, value)) => Ok((signed.to_owned(), value.to_owned())),
        None if change.starts_with('-') => Ok((change.to_owned(), String::new())),
        None => Err(Refusal::new(
            ResponseCode::INVALID_PARAMETER,
            format!("field 'attributes' has '{change}', expected +name=value or -name"),
        )),
    });
    parsed.collect()
}
