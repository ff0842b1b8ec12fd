// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Users and policies.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    CreateAclHeader, CreateUserHeader, DeleteAclHeader, DeleteUserHeader, GetAclHeader,
    GetUserHeader, ListAclsHeader, ListUsersHeader, UpdateAclHeader, UpdateUserHeader,
};

/// Code 3001. Creates a user.
#[derive(Clone, Copy, Debug)]
pub struct AuthCreateUser;

impl RequestHeader for AuthCreateUser {
    const CODE: RequestCode = RequestCode::AUTH_CREATE_USER;
    const NAME: &'static str = "AUTH_CREATE_USER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CreateUserHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CreateUserHeader<'a>, HeaderError> {
        CreateUserHeader::decode(fields)
    }
}

/// Code 3002. Changes a user.
#[derive(Clone, Copy, Debug)]
pub struct AuthUpdateUser;

impl RequestHeader for AuthUpdateUser {
    const CODE: RequestCode = RequestCode::AUTH_UPDATE_USER;
    const NAME: &'static str = "AUTH_UPDATE_USER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = UpdateUserHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<UpdateUserHeader<'a>, HeaderError> {
        UpdateUserHeader::decode(fields)
    }
}

/// Code 3003. Deletes a user.
#[derive(Clone, Copy, Debug)]
pub struct AuthDeleteUser;

impl RequestHeader for AuthDeleteUser {
    const CODE: RequestCode = RequestCode::AUTH_DELETE_USER;
    const NAME: &'static str = "AUTH_DELETE_USER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = DeleteUserHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<DeleteUserHeader<'a>, HeaderError> {
        DeleteUserHeader::decode(fields)
    }
}

/// Code 3004. Reads a user.
#[derive(Clone, Copy, Debug)]
pub struct AuthGetUser;

impl RequestHeader for AuthGetUser {
    const CODE: RequestCode = RequestCode::AUTH_GET_USER;
    const NAME: &'static str = "AUTH_GET_USER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetUserHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetUserHeader<'a>, HeaderError> {
        GetUserHeader::decode(fields)
    }
}

/// Code 3005. Lists users.
#[derive(Clone, Copy, Debug)]
pub struct AuthListUser;

impl RequestHeader for AuthListUser {
    const CODE: RequestCode = RequestCode::AUTH_LIST_USER;
    const NAME: &'static str = "AUTH_LIST_USER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ListUsersHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ListUsersHeader<'a>, HeaderError> {
        ListUsersHeader::decode(fields)
    }
}

/// Code 3006. Creates a policy.
#[derive(Clone, Copy, Debug)]
pub struct AuthCreateAcl;

impl RequestHeader for AuthCreateAcl {
    const CODE: RequestCode = RequestCode::AUTH_CREATE_ACL;
    const NAME: &'static str = "AUTH_CREATE_ACL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CreateAclHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CreateAclHeader<'a>, HeaderError> {
        CreateAclHeader::decode(fields)
    }
}

/// Code 3007. Changes a policy.
#[derive(Clone, Copy, Debug)]
pub struct AuthUpdateAcl;

impl RequestHeader for AuthUpdateAcl {
    const CODE: RequestCode = RequestCode::AUTH_UPDATE_ACL;
    const NAME: &'static str = "AUTH_UPDATE_ACL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = UpdateAclHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<UpdateAclHeader<'a>, HeaderError> {
        UpdateAclHeader::decode(fields)
    }
}

/// Code 3008. Deletes a policy.
#[derive(Clone, Copy, Debug)]
pub struct AuthDeleteAcl;

impl RequestHeader for AuthDeleteAcl {
    const CODE: RequestCode = RequestCode::AUTH_DELETE_ACL;
    const NAME: &'static str = "AUTH_DELETE_ACL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = DeleteAclHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<DeleteAclHeader<'a>, HeaderError> {
        DeleteAclHeader::decode(fields)
    }
}

/// Code 3009. Reads a policy.
#[derive(Clone, Copy, Debug)]
pub struct AuthGetAcl;

impl RequestHeader for AuthGetAcl {
    const CODE: RequestCode = RequestCode::AUTH_GET_ACL;
    const NAME: &'static str = "AUTH_GET_ACL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetAclHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetAclHeader<'a>, HeaderError> {
        GetAclHeader::decode(fields)
    }
}

/// Code 3010. Lists policies.
#[derive(Clone, Copy, Debug)]
pub struct AuthListAcl;

impl RequestHeader for AuthListAcl {
    const CODE: RequestCode = RequestCode::AUTH_LIST_ACL;
    const NAME: &'static str = "AUTH_LIST_ACL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ListAclsHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ListAclsHeader<'a>, HeaderError> {
        ListAclsHeader::decode(fields)
    }
}

/// Code 50. ACL 1.0: changed an account.
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndCreateAclConfig;

impl RequestHeader for UpdateAndCreateAclConfig {
    const CODE: RequestCode = RequestCode::UPDATE_AND_CREATE_ACL_CONFIG;
    const NAME: &'static str = "UPDATE_AND_CREATE_ACL_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 51. ACL 1.0: deleted an account.
#[derive(Clone, Copy, Debug)]
pub struct DeleteAclConfig;

impl RequestHeader for DeleteAclConfig {
    const CODE: RequestCode = RequestCode::DELETE_ACL_CONFIG;
    const NAME: &'static str = "DELETE_ACL_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 52. ACL 1.0: versions of the account file.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerClusterAclInfo;

impl RequestHeader for GetBrokerClusterAclInfo {
    const CODE: RequestCode = RequestCode::GET_BROKER_CLUSTER_ACL_INFO;
    const NAME: &'static str = "GET_BROKER_CLUSTER_ACL_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 53. ACL 1.0: changed the global white list.
#[derive(Clone, Copy, Debug)]
pub struct UpdateGlobalWhiteAddrsConfig;

impl RequestHeader for UpdateGlobalWhiteAddrsConfig {
    const CODE: RequestCode = RequestCode::UPDATE_GLOBAL_WHITE_ADDRS_CONFIG;
    const NAME: &'static str = "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 54. ACL 1.0: listed accounts.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerClusterAclConfig;

impl RequestHeader for GetBrokerClusterAclConfig {
    const CODE: RequestCode = RequestCode::GET_BROKER_CLUSTER_ACL_CONFIG;
    const NAME: &'static str = "GET_BROKER_CLUSTER_ACL_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
