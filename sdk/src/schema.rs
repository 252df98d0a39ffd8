//! JSON Schema of the protocol, made from its types so that the two cannot drift apart.

use schemars::{Schema, schema_for};
use serde_json::{Map, Value};

use crate::{Answer, Metadata, Request};

/// The schemas by file name, as they are published in `schema/` beside this crate.
#[must_use]
pub fn all() -> [(&'static str, Schema); 3] {
    [
        ("request.schema.json", schema_for!(Request<'static, Map<String, Value>, Value>)),
        ("answer.schema.json", schema_for!(Answer)),
        ("metadata.schema.json", schema_for!(Metadata)),
    ]
}
