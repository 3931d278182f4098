//! The two kinds of signed text: tokens for the registry, and the credentials rigs get such tokens with.

use std::time::Duration;

use headframe_protocol::{JobId, TimestampMs};
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};

use super::{RegistryError, access::Scope, keys::TokenKeys};

/// Who signs, as the registry's configuration names it.
pub const ISSUER: &str = "headframe-coordinator";

/// The audience of a rig's credential; a registry's is its service.
const PULL_AUDIENCE: &str = "headframe-pull";

/// How long a token is good. Long enough for one large layer; clients ask for a new one between layers.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// How long a rig's credential is good: as long as an attempt may prepare.
const CREDENTIAL_LIFE: Duration = Duration::from_secs(2 * 3_600);

/// How far the registry's clock may be behind ours.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// What the token endpoint answers, after the distribution specification.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Token {
    /// The token, under the name older clients read.
    pub token: String,
    /// The same, under the name OAuth clients read.
    pub access_token: String,
    /// How long it is good, in seconds.
    pub expires_in: u64,
    /// Since when it is good, RFC 3339.
    pub issued_at: String,
}

#[derive(Serialize)]
struct RegistryClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    access: Vec<AccessClaim<'a>>,
}

#[derive(Serialize)]
struct AccessClaim<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    actions: Vec<&'static str>,
}

#[derive(Serialize, Deserialize)]
struct PullClaims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    repository: String,
}

pub(super) fn issue(
    keys: &TokenKeys,
    service: &str,
    subject: &str,
    granted: &[Scope],
    now: TimestampMs,
) -> Result<Token, RegistryError> {
    let access = granted.iter().map(|scope| AccessClaim {
        kind: "repository",
        name: &scope.repository,
        actions: scope.actions.iter().map(|action| action.as_str()).collect(),
    });
    let claims = RegistryClaims {
        iss: ISSUER,
        sub: subject,
        aud: service,
        exp: seconds(now.after(TOKEN_LIFE)),
        nbf: seconds(now.before(CLOCK_SLACK)),
        iat: seconds(now.before(CLOCK_SLACK)),
        jti: uuid::Uuid::new_v4().simple().to_string(),
        access: access.collect(),
    };
    let token = jsonwebtoken::encode(&keys.header(), &claims, keys.signing()).map_err(RegistryError::Sign)?;
    Ok(Token { access_token: token.clone(), token, expires_in: TOKEN_LIFE.as_secs(), issued_at: rfc3339(now) })
}

pub(super) fn pull_credential(keys: &TokenKeys, repository: &str, job: JobId, now: TimestampMs) -> Result<String, RegistryError> {
    let claims = PullClaims {
        iss: ISSUER.to_owned(),
        sub: job.to_string(),
        aud: PULL_AUDIENCE.to_owned(),
        exp: seconds(now.after(CREDENTIAL_LIFE)),
        repository: repository.to_owned(),
    };
    // Without the certificate: only we read it, and some engines limit the length of a password.
    let header = jsonwebtoken::Header::new(Algorithm::ES256);
    jsonwebtoken::encode(&header, &claims, keys.signing()).map_err(RegistryError::Sign)
}

pub(super) fn repository_of(keys: &TokenKeys, password: &str, now: TimestampMs) -> Option<String> {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[PULL_AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    // The library would ask the machine's clock; ours is the database's.
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<PullClaims>(password, keys.checking(), &validation).ok()?.claims;
    (claims.exp > seconds(now)).then_some(claims.repository)
}

const fn seconds(at: TimestampMs) -> i64 {
    at.as_millis().div_euclid(1_000)
}

/// `2026-11-23T08:00:00Z`. Days to civil date after Howard Hinnant's algorithm
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
pub(crate) fn rfc3339(at: TimestampMs) -> String {
    let (days, second) = (seconds(at).div_euclid(86_400), seconds(at).rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}
