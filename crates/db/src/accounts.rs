//! Accounts, which are global, and the users that they act as, one in each org.

use admin_types::{AccountId, GrantId, OrgId, ResourceId, Result, SessionId, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO account (id, email, email_key, password, created_at, updated_at, proven_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (email_key) DO NOTHING";
    BY_EMAIL = "SELECT id, email, password FROM account WHERE email_key = $1";
    GET = "SELECT id, email, password FROM account WHERE id = $1";
    PROVEN = "SELECT proven_at FROM account WHERE id = $1";
    PROVE = "UPDATE account SET proven_at = $1 WHERE id = $2 AND proven_at IS NULL";
    SET_PASSWORD = "UPDATE account SET password = $1, updated_at = $2 WHERE id = $3";
    SET_EMAIL = "UPDATE account SET email = $1, email_key = $2, updated_at = $3 WHERE id = $4
        AND NOT EXISTS (SELECT 1 FROM account AS other WHERE other.email_key = $2 AND other.id <> $4)";
    JOIN = "INSERT INTO membership (org_id, user_id, account_id, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (org_id, user_id) DO NOTHING";
    MEMBERSHIPS = "SELECT org_id, user_id FROM membership WHERE account_id = $1 ORDER BY created_at, org_id LIMIT 1000";
    ORGS = "SELECT m.org_id, m.user_id, o.name, r.document FROM membership m JOIN org o ON o.org_id = m.org_id
        JOIN resource r ON r.org_id = m.org_id AND r.id = m.user_id
        WHERE m.account_id = $1 AND r.deleted_at IS NULL ORDER BY m.created_at, m.org_id LIMIT 1000";
    USERS_IN = "SELECT m.user_id, r.document FROM membership m
        JOIN resource r ON r.org_id = m.org_id AND r.id = m.user_id
        WHERE m.account_id = $1 AND m.org_id = $2 AND r.deleted_at IS NULL ORDER BY m.created_at, m.user_id LIMIT 100";
    GRANTS = "SELECT g.id, g.session_id FROM oauth_grant g JOIN membership m ON m.org_id = g.org_id AND m.user_id = g.subject
        WHERE m.account_id = $1";
    ACCOUNT_OF_USER = "SELECT account_id FROM membership WHERE user_id = $1 LIMIT 2";
    ACCOUNT_OF = "SELECT account_id FROM membership WHERE org_id = $1 AND user_id = $2";
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// The address, as its owner writes it.
    pub email: String,
    /// The hash of the password (PHC string), if it has one.
    pub password: Option<String>,
}

/// Adds an account; false when another has the address.
///
/// `proven`: whoever makes it is known to read letters to its address.
pub async fn insert(
    conn: &mut Conn,
    account: &AccountRow,
    email_key: &str,
    (now, proven): (Timestamp, bool),
) -> Result<bool> {
    let (at, password) = (Arg::Int(now.0), Arg::opt_text(account.password.as_deref()));
    let args = [
        Arg::Bytes(&account.id.0),
        Arg::Text(&account.email),
        Arg::Text(email_key),
        password,
        at,
        Arg::Int(now.0),
        Arg::opt_int(proven.then_some(now.0)),
    ];
    Ok(conn.execute(INSERT, &args).await? > 0)
}

/// The account with an address, by the form in which addresses are compared.
pub async fn by_email(conn: &mut Conn, email_key: &str) -> Result<Option<AccountRow>> {
    conn.fetch_one(BY_EMAIL, &[Arg::Text(email_key)], account).await
}

/// One account.
pub async fn get(conn: &mut Conn, id: AccountId) -> Result<Option<AccountRow>> {
    conn.fetch_one(GET, &[Arg::Bytes(&id.0)], account).await
}

fn account(row: &Row<'_>) -> Result<AccountRow> {
    let (id, email) = (AccountId(row.id(0)?), row.text(1)?.to_owned());
    Ok(AccountRow { id, email, password: row.opt_text(2)?.map(str::to_owned) })
}

/// Whether somebody with the account has shown that they read letters to its address.
pub async fn is_proven(conn: &mut Conn, id: AccountId) -> Result<bool> {
    Ok(conn.fetch_one(PROVEN, &[Arg::Bytes(&id.0)], |row| row.opt_int(0)).await?.flatten().is_some())
}

/// Notes that they have.
pub async fn prove(conn: &mut Conn, id: AccountId, now: Timestamp) -> Result<()> {
    conn.execute(PROVE, &[Arg::Int(now.0), Arg::Bytes(&id.0)]).await.map(drop)
}

/// Replaces the hash of an account's password.
pub async fn set_password(conn: &mut Conn, id: AccountId, password: &str, now: Timestamp) -> Result<()> {
    conn.defer(SET_PASSWORD, &[Arg::Text(password), Arg::Int(now.0), Arg::Bytes(&id.0)]).await
}

/// Lets an account act as a user; false when another account does.
pub async fn join(conn: &mut Conn, org: OrgId, user: ResourceId, account: AccountId, now: Timestamp) -> Result<bool> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&user.bytes), Arg::Bytes(&account.0), Arg::Int(now.0)];
    Ok(conn.execute(JOIN, &args).await? > 0)
}

/// The users that an account acts as, the first thousand.
pub async fn memberships(conn: &mut Conn, account: AccountId) -> Result<Vec<(OrgId, ResourceId)>> {
    let map = |row: &Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?)));
    conn.fetch(MEMBERSHIPS, &[Arg::Bytes(&account.0)], map).await
}

/// A user that an account acts as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRow {
    /// The org.
    pub org: OrgId,
    /// The user.
    pub user: ResourceId,
    /// The org's name.
    pub org_name: String,
    /// The user's wire text.
    pub document: String,
}

/// The users that an account acts as and that are there, the first thousand, with their orgs.
pub async fn orgs(conn: &mut Conn, account: AccountId) -> Result<Vec<MemberRow>> {
    let map = |row: &Row<'_>| {
        let (org, user) = (OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?));
        Ok(MemberRow { org, user, org_name: row.text(2)?.to_owned(), document: row.text(3)?.to_owned() })
    };
    conn.fetch(ORGS, &[Arg::Bytes(&account.0)], map).await
}

/// The users that an account acts as in one org and that are there, with their wire texts.
pub async fn users_in(conn: &mut Conn, account: AccountId, org: OrgId) -> Result<Vec<(ResourceId, String)>> {
    let map = |row: &Row<'_>| Ok((ResourceId::of_row("user", row.id(0)?), row.text(1)?.to_owned()));
    conn.fetch(USERS_IN, &[Arg::Bytes(&account.0), Arg::Bytes(&org.0)], map).await
}

/// What was granted for the users of an account, in every org, each with the session in which it was.
pub async fn grants(conn: &mut Conn, account: AccountId) -> Result<Vec<(GrantId, Option<SessionId>)>> {
    conn.fetch(GRANTS, &[Arg::Bytes(&account.0)], |row| Ok((GrantId(row.id(0)?), row.opt_id(1)?.map(SessionId)))).await
}

/// Replaces an account's address; false when another account has it.
pub async fn set_email(conn: &mut Conn, id: AccountId, email: &str, email_key: &str, now: Timestamp) -> Result<bool> {
    let args = [Arg::Text(email), Arg::Text(email_key), Arg::Int(now.0), Arg::Bytes(&id.0)];
    Ok(conn.execute(SET_EMAIL, &args).await? > 0)
}

/// The account that acts as a user of whichever org, if only one org has such a user. Reads all memberships: for the operator.
pub async fn account_of_user(conn: &mut Conn, user: ResourceId) -> Result<Option<AccountId>> {
    let found = conn.fetch(ACCOUNT_OF_USER, &[Arg::Bytes(&user.bytes)], |row| row.id(0).map(AccountId)).await?;
    Ok(found.first().copied().filter(|_| found.len() == 1))
}

/// The account that acts as a user.
pub async fn account_of(conn: &mut Conn, org: OrgId, user: ResourceId) -> Result<Option<AccountId>> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&user.bytes)];
    conn.fetch_one(ACCOUNT_OF, &args, |row| row.id(0).map(AccountId)).await
}
