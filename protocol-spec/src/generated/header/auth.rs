// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Users and policies.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};

/// Request header `CreateUserRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CreateUserHeader<'a> {
    /// Name of the user.
    pub username: Option<Cow<'a, str>>,
}

impl<'a> CreateUserHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "username",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut username = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "username" => username = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            username,
        })
    }
}

impl EncodeHeader for CreateUserHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.username {
            out.str("username", value);
        }
    }
}

/// Request header `UpdateUserRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpdateUserHeader<'a> {
    /// Name of the user.
    pub username: Option<Cow<'a, str>>,
}

impl<'a> UpdateUserHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "username",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut username = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "username" => username = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            username,
        })
    }
}

impl EncodeHeader for UpdateUserHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.username {
            out.str("username", value);
        }
    }
}

/// Request header `DeleteUserRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeleteUserHeader<'a> {
    /// Name of the user.
    pub username: Option<Cow<'a, str>>,
}

impl<'a> DeleteUserHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "username",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut username = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "username" => username = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            username,
        })
    }
}

impl EncodeHeader for DeleteUserHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.username {
            out.str("username", value);
        }
    }
}

/// Request header `GetUserRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetUserHeader<'a> {
    /// Name of the user.
    pub username: Option<Cow<'a, str>>,
}

impl<'a> GetUserHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "username",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut username = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "username" => username = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            username,
        })
    }
}

impl EncodeHeader for GetUserHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.username {
            out.str("username", value);
        }
    }
}

/// Request header `ListUsersRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListUsersHeader<'a> {
    /// Part of a name.
    pub filter: Option<Cow<'a, str>>,
}

impl<'a> ListUsersHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "filter",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut filter = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "filter" => filter = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            filter,
        })
    }
}

impl EncodeHeader for ListUsersHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.filter {
            out.str("filter", value);
        }
    }
}

/// Request header `CreateAclRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CreateAclHeader<'a> {
    /// User:name.
    pub subject: Option<Cow<'a, str>>,
}

impl<'a> CreateAclHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "subject",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut subject = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "subject" => subject = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            subject,
        })
    }
}

impl EncodeHeader for CreateAclHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.subject {
            out.str("subject", value);
        }
    }
}

/// Request header `UpdateAclRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpdateAclHeader<'a> {
    /// User:name.
    pub subject: Option<Cow<'a, str>>,
}

impl<'a> UpdateAclHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "subject",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut subject = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "subject" => subject = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            subject,
        })
    }
}

impl EncodeHeader for UpdateAclHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.subject {
            out.str("subject", value);
        }
    }
}

/// Request header `DeleteAclRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeleteAclHeader<'a> {
    /// User:name.
    pub subject: Option<Cow<'a, str>>,
    /// Custom or Default.
    pub policy_type: Option<Cow<'a, str>>,
    /// Type:name.
    pub resource: Option<Cow<'a, str>>,
}

impl<'a> DeleteAclHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "subject",
        "policyType",
        "resource",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut subject = None;
        let mut policy_type = None;
        let mut resource = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "subject" => subject = Some(raw.to_str()),
                "policyType" => policy_type = Some(raw.to_str()),
                "resource" => resource = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            subject,
            policy_type,
            resource,
        })
    }
}

impl EncodeHeader for DeleteAclHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.subject {
            out.str("subject", value);
        }
        if let Some(value) = &self.policy_type {
            out.str("policyType", value);
        }
        if let Some(value) = &self.resource {
            out.str("resource", value);
        }
    }
}

/// Request header `GetAclRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetAclHeader<'a> {
    /// User:name.
    pub subject: Option<Cow<'a, str>>,
}

impl<'a> GetAclHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "subject",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut subject = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "subject" => subject = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            subject,
        })
    }
}

impl EncodeHeader for GetAclHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.subject {
            out.str("subject", value);
        }
    }
}

/// Request header `ListAclsRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListAclsHeader<'a> {
    /// Part of a subject.
    pub subject_filter: Option<Cow<'a, str>>,
    /// Part of a resource.
    pub resource_filter: Option<Cow<'a, str>>,
}

impl<'a> ListAclsHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "subjectFilter",
        "resourceFilter",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut subject_filter = None;
        let mut resource_filter = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "subjectFilter" => subject_filter = Some(raw.to_str()),
                "resourceFilter" => resource_filter = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            subject_filter,
            resource_filter,
        })
    }
}

impl EncodeHeader for ListAclsHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.subject_filter {
            out.str("subjectFilter", value);
        }
        if let Some(value) = &self.resource_filter {
            out.str("resourceFilter", value);
        }
    }
}
