//! Writes JSON in the dialect of fastjson: any value may be a key of an object.
//!
//! Only types of this crate and of its users come here; what JSON cannot say (a number that is not
//! finite, bytes) is written as fastjson does: `null`, and an array of numbers.
use std::fmt;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// How integer keys are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntegerKeys {
    /// `{0:…}`: what Java's library writes by default.
    Unquoted,
    /// `{"0":…}`: standard JSON.
    Quoted,
}

/// Nothing that is written here can fail; the type serde asks for.
#[derive(Debug)]
pub(super) struct Never(String);

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl serde::ser::Error for Never {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

pub(super) fn write<T: Serialize + ?Sized>(value: &T, keys: IntegerKeys) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(256), keys };
    let written = value.serialize(&mut writer);
    debug_assert!(written.is_ok(), "a body type refused to be written: {written:?}");
    writer.out
}

struct Writer {
    out: Vec<u8>,
    keys: IntegerKeys,
}

impl Writer {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn integer(&mut self, value: impl itoa::Integer) {
        let mut buffer = itoa::Buffer::new();
        self.out.extend_from_slice(buffer.format(value).as_bytes());
    }

    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        for character in text.chars() {
            match character {
                '"' => self.raw("\\\""),
                '\\' => self.raw("\\\\"),
                '\n' => self.raw("\\n"),
                '\r' => self.raw("\\r"),
                '\t' => self.raw("\\t"),
                '\u{8}' => self.raw("\\b"),
                '\u{c}' => self.raw("\\f"),
                control if control < ' ' => {
                    let escape = format!("\\u{:04x}", u32::from(control));
                    self.raw(&escape);
                }
                other => {
                    let mut buffer = [0; 4];
                    self.out.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes());
                }
            }
        }
        self.out.push(b'"');
    }

    fn member(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push(b',');
        }
    }
}

/// An array or object under construction.
struct Compound<'w> {
    writer: &'w mut Writer,
    first: bool,
    close: &'static str,
}

impl<'w> Compound<'w> {
    fn open(writer: &'w mut Writer, open: &str, close: &'static str) -> Self {
        writer.raw(open);
        Self { writer, first: true, close }
    }

    /// `{"Variant":` before the opening, one more brace at the end.
    fn open_variant(
        writer: &'w mut Writer,
        variant: &str,
        open: &str,
        close: &'static str,
    ) -> Self {
        writer.raw("{");
        writer.quoted(variant);
        writer.raw(":");
        Self::open(writer, open, close)
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.writer.member(&mut self.first);
        value.serialize(&mut *self.writer)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Never> {
        self.writer.member(&mut self.first);
        self.writer.quoted(name);
        self.writer.raw(":");
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.raw(self.close);
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Never> {
            self.integer(value);
            Ok(())
        })*
    };
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Compound<'w>;
    type SerializeTuple = Compound<'w>;
    type SerializeTupleStruct = Compound<'w>;
    type SerializeTupleVariant = Compound<'w>;
    type SerializeMap = Compound<'w>;
    type SerializeStruct = Compound<'w>;
    type SerializeStructVariant = Compound<'w>;

    integers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    );

    fn serialize_bool(self, value: bool) -> Result<(), Never> {
        self.raw(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Never> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Never> {
        let text = if value.is_finite() { format!("{value:?}") } else { "null".into() };
        self.raw(&text);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Never> {
        self.quoted(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Never> {
        self.quoted(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        self.raw("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &str) -> Result<(), Never> {
        self.quoted(name);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        let mut object = Compound::open(self, "{", "}");
        object.field(variant, value)?;
        object.close();
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Compound<'w>, Never> {
        Ok(Compound::open(self, "[", "]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Compound<'w>, Never> {
        Ok(Compound::open(self, "[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'w>, Never> {
        Ok(Compound::open(self, "[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'w>, Never> {
        Ok(Compound::open_variant(self, variant, "[", "]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Compound<'w>, Never> {
        Ok(Compound::open(self, "{", "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'w>, Never> {
        Ok(Compound::open(self, "{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'w>, Never> {
        Ok(Compound::open_variant(self, variant, "{", "}}"))
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Never;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Never> {
        self.writer.member(&mut self.first);
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        let written = self.writer.out.get(start..).unwrap_or_default();
        let bare = !written.starts_with(b"\"") && !written.starts_with(b"{");
        if bare && self.writer.keys == IntegerKeys::Quoted {
            self.writer.out.insert(start, b'"');
            self.writer.out.push(b'"');
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.writer.raw(":");
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Never> {
        self.close();
        Ok(())
    }
}

impl SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Never> {
        self.close();
        Ok(())
    }
}

impl SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Never> {
        self.close();
        Ok(())
    }
}

macro_rules! sequences {
    ($($trait:ident :: $method:ident),*) => {
        $(impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Never;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.item(value)
            }

            fn end(self) -> Result<(), Never> {
                self.close();
                Ok(())
            }
        })*
    };
}

sequences!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn integer_keys_are_bare_or_quoted_as_asked() {
        let map = BTreeMap::from([(0_i64, "a:1"), (1, "b\"\u{1}é")]);
        let bare = write(&map, IntegerKeys::Unquoted);
        assert_eq!(String::from_utf8_lossy(&bare), r#"{0:"a:1",1:"b\"\u0001é"}"#);
        let quoted = write(&map, IntegerKeys::Quoted);
        assert_eq!(String::from_utf8_lossy(&quoted), r#"{"0":"a:1","1":"b\"\u0001é"}"#);
    }

    #[test]
    fn strict_types_are_written_as_serde_json_writes_them() {
        let value = serde_json::json!({
            "a": [1, -2, 3.5, true, null, "x\ny"], "b": {"c": {}}, "d": []
        });
        let written = write(&value, IntegerKeys::Unquoted);
        assert_eq!(String::from_utf8_lossy(&written), value.to_string());
    }
}
