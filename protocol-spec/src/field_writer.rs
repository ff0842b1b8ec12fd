//! Writes the fields of a header without a map between.
use bytes::{BufMut, Bytes, BytesMut};

use crate::fields::EncodeHeader;
use crate::frame::SerializeType;
use crate::json_write;
use crate::text::Text;

/// Fields written once, for headers that share them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedFields {
    bytes: Bytes,
    serialize: SerializeType,
}

impl EncodedFields {
    pub fn new(serialize: SerializeType, header: &(impl EncodeHeader + ?Sized)) -> Self {
        let mut bytes = BytesMut::new();
        header.encode(&mut FieldWriter::new(&mut bytes, serialize));
        Self { bytes: bytes.freeze(), serialize }
    }
}

/// Appends fields to a frame under construction, in the form of its serialize type.
///
/// In JSON every field is `","name":"value`: it closes the one before it, and the header's writer
/// puts `:{` in the place of the first two bytes and closes the last one. So nobody asks which is
/// the first, and all before a value is one copy.
#[derive(Debug)]
pub struct FieldWriter<'o> {
    out: &'o mut BytesMut,
    serialize: SerializeType,
}

/// Stand before and after a name.
const BEFORE_NAME: &[u8; 3] = b"\",\"";
const AFTER_NAME: &[u8; 3] = b"\":\"";
/// Longest name that is copied together with what surrounds it.
const NAME_BYTES_MAX: usize = 34;

impl<'o> FieldWriter<'o> {
    pub(crate) fn new(out: &'o mut BytesMut, serialize: SerializeType) -> Self {
        Self { out, serialize }
    }

    /// The form that is written.
    pub fn serialize(&self) -> SerializeType {
        self.serialize
    }

    /// Writes a field whose name needs no escape, as all of ours.
    #[inline(always)]
    pub fn str(&mut self, name: &'static str, value: &str) {
        match self.serialize {
            SerializeType::Json => {
                self.open(name);
                json_write::escape(self.out, value);
            }
            SerializeType::Binary => self.binary(name, value),
        }
    }

    /// Writes a value as it came, without unescaping it where both sides speak JSON.
    pub fn text(&mut self, name: &'static str, value: Text<'_>) {
        self.texts(name, &[value]);
    }

    #[inline(always)]
    pub fn int(&mut self, name: &'static str, value: i64) {
        match self.serialize {
            SerializeType::Json => {
                self.open(name);
                json_write::int(self.out, value);
            }
            SerializeType::Binary => self.binary(name, itoa::Buffer::new().format(value)),
        }
    }

    #[inline(always)]
    pub fn bool(&mut self, name: &'static str, value: bool) {
        self.plain(name, if value { "true" } else { "false" });
    }

    /// Writes a field of any name.
    pub fn pair(&mut self, name: &str, value: Text<'_>) {
        match self.serialize {
            SerializeType::Json => {
                self.out.put_slice(BEFORE_NAME);
                json_write::escape(self.out, name);
                self.out.put_slice(AFTER_NAME);
                json_write::text(self.out, value);
            }
            SerializeType::Binary => self.binary(name, &value.to_str()),
        }
    }

    /// Writes fields that were encoded before.
    ///
    /// Panics where they were encoded for the other form of header.
    pub fn encoded(&mut self, fields: &EncodedFields) {
        assert_eq!(fields.serialize, self.serialize, "fields of the other form");
        self.out.put_slice(&fields.bytes);
    }

    /// Writes one value that stands in several places.
    pub fn texts(&mut self, name: &'static str, parts: &[Text<'_>]) {
        match self.serialize {
            SerializeType::Json => {
                self.open(name);
                parts.iter().for_each(|part| json_write::text(self.out, *part));
            }
            SerializeType::Binary => {
                let value_bytes = parts.iter().map(|part| part.unescaped_bytes()).sum();
                if self.open_binary(name, value_bytes) {
                    parts.iter().for_each(|part| self.out.put_slice(part.to_str().as_bytes()));
                }
            }
        }
    }

    /// A value that needs no escape, or has been escaped.
    #[inline(always)]
    fn plain(&mut self, name: &'static str, value: &str) {
        match self.serialize {
            SerializeType::Json => {
                self.open(name);
                self.out.put_slice(value.as_bytes());
            }
            SerializeType::Binary => self.binary(name, value),
        }
    }

    /// All before the value, in one copy where the compiler knows the name.
    #[inline(always)]
    fn open(&mut self, name: &'static str) {
        debug_assert!(json_write::is_plain(name.as_bytes()), "the name {name} needs escapes");
        let mut piece = [0; NAME_BYTES_MAX + 6];
        let (before, rest) = piece.split_at_mut(BEFORE_NAME.len());
        before.copy_from_slice(BEFORE_NAME);
        if let Some((place, after)) = rest.split_at_mut_checked(name.len())
            && let Some(after) = after.first_chunk_mut()
        {
            place.copy_from_slice(name.as_bytes());
            *after = *AFTER_NAME;
            self.out.put_slice(piece.get(..name.len() + 6).unwrap_or(&[]));
            return;
        }
        self.out.put_slice(BEFORE_NAME);
        self.out.put_slice(name.as_bytes());
        self.out.put_slice(AFTER_NAME);
    }

    #[inline(never)]
    fn binary(&mut self, name: &str, value: &str) {
        if self.open_binary(name, value.len()) {
            self.out.put_slice(value.as_bytes());
        }
    }

    /// Names are ours: at most 32 767 bytes. Values are bounded by the 16 MiB that a header can
    /// have.
    fn open_binary(&mut self, name: &str, value_bytes: usize) -> bool {
        let (name_length, value_length) = (i16::try_from(name.len()), i32::try_from(value_bytes));
        let (Ok(name_length), Ok(value_length)) = (name_length, value_length) else {
            debug_assert!(false, "a field is too long for a binary header");
            return false;
        };
        self.out.put_i16(name_length);
        self.out.put_slice(name.as_bytes());
        self.out.put_i32(value_length);
        true
    }
}
