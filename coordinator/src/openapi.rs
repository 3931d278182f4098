//! The description of the customer API, made from the code that answers it.

use std::sync::OnceLock;

use headframe_protocol::error::Problem;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, Response,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::router;

/// What any request may be answered with.
const COMMON: [(&str, &str); 2] = [("500", "Something went wrong here"), ("503", "Not available right now; try again")];

/// What any request that needs a key may be answered with.
const KEYED: [(&str, &str); 2] = [("401", "No valid API key"), ("403", "The account is suspended")];

/// What stands around the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Headframe coordinator",
        description = "Submit jobs, follow them, fetch their results. Money is a decimal string of micro-dollars; times are \
                       milliseconds since 1970; every refusal is a problem document after RFC 9457.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "jobs", description = "Work to be done"),
        (name = "uploads", description = "Files used as inputs"),
        (name = "artifacts", description = "Files of results"),
        (name = "account", description = "Who you are and what you have used"),
        (name = "spending", description = "Your money on chains, and what you let us spend of it"),
        (name = "payouts", description = "Where earnings go, and the proof of every cent"),
        (name = "registry", description = "Tokens for the image registry"),
        (name = "operation", description = "For machines that watch this one"),
    ),
    // Axum spells a parameter that holds slashes in a way of its own, so this one is not described where it is routed.
    paths(crate::api::artifacts::get),
    components(schemas(Problem)),
    modifiers(&Keys),
)]
struct Frame;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let key =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("hfk_…").description(Some("An API key")).build();
        let basic =
            HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some("Any user, an API key as password")).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(key));
        components.add_security_scheme("registry_login", SecurityScheme::Http(basic));
    }
}

/// What stands around the routes.
pub(crate) fn document_frame() -> Document {
    Frame::openapi()
}

/// The document.
#[must_use]
pub fn document() -> Document {
    let mut document = router::document();
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            complete(operation, path.starts_with("/v1/"));
        }
    }
    document
}

/// Adds what every route of customers has in common, and says of every refusal that it is a problem document. Handlers
/// name only what is theirs.
fn complete(operation: &mut Operation, of_customers: bool) {
    // One empty requirement says that nothing is asked for: what is signed in the body needs no key.
    let nothing = utoipa::openapi::security::SecurityRequirement::default();
    let keyed = operation.security.as_ref().is_some_and(|ways| ways.iter().all(|way| *way != nothing));
    let responses = &mut operation.responses.responses;
    if of_customers {
        let also = if keyed { KEYED.as_slice() } else { &[] };
        for (status, description) in COMMON.iter().chain(also).copied() {
            responses.entry(status.to_owned()).or_insert_with(|| Response::new(description).into());
        }
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.insert("application/problem+json".to_owned(), problem.into());
        }
    }
}

/// The document as JSON, with a line break at the end.
#[must_use]
pub fn document_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| document().to_pretty_json().map(|text| text + "\n").unwrap_or_default())
}
