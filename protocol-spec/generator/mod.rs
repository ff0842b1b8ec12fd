//! Makes the Rust types and the tables of the specification from `schema/`.
mod markdown;
pub mod model;
mod rust;
mod text;

use std::path::Path;

pub use model::Schema;
pub use text::Files;

/// Every generated file by its path below `protocol-spec/`.
pub fn generate(root: &Path) -> Result<Files, String> {
    let schema = Schema::read(&root.join("schema"))?;
    let mut files = Files::new();
    for (path, content) in rust::files(&schema) {
        files.insert(format!("src/generated/{path}"), content);
    }
    for (path, content) in markdown::files(&schema) {
        files.insert(format!("spec/{path}"), content);
    }
    Ok(files)
}
