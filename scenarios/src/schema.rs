//! The JSON Schemas of our files, from the tables of their formats, so that editors complete and check.

use serde_json::{Map, Value as Json, json};

use crate::format::{self, Presence, Scalar, Table, Value, gatefile, tables};

/// What a single value may also be: anything with a variable in it, which only the reader can judge.
const WITH_VARIABLE: &str = r"\$\{";

/// The schema of scenario files (draft 2020-12).
#[must_use]
pub fn schema() -> Json {
    of(&tables::SCENARIO)
}

/// The schema of gate files.
#[must_use]
pub fn gate_file_schema() -> Json {
    of(&gatefile::GATE_FILE)
}

/// The schema of facts files.
#[must_use]
pub fn facts_file_schema() -> Json {
    of(&gatefile::FACTS_FILE)
}

fn of(outermost: &'static Table) -> Json {
    let definitions: Map<String, Json> =
        format::below(outermost).iter().skip(1).map(|t| (t.title.to_owned(), table(t))).collect();
    let mut schema = table(outermost);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(format!("Shakedown {}", outermost.title));
    schema["$defs"] = Json::Object(definitions);
    schema
}

fn table(table: &Table) -> Json {
    let properties: Map<String, Json> = table
        .fields
        .iter()
        .map(|field| {
            let mut property = value(&field.value);
            let default = match field.presence {
                Presence::Default(text) => format!(" Default: {text}."),
                Presence::Otherwise(sentence) => format!(" Without it: {sentence}."),
                Presence::Required | Presence::Optional => String::new(),
            };
            property["description"] = json!(format!("{}{default}", field.help));
            (field.key.to_owned(), property)
        })
        .collect();
    let required: Vec<_> =
        table.fields.iter().filter(|f| matches!(f.presence, Presence::Required)).map(|f| f.key).collect();
    let mut schema = json!({
        "type": "object",
        "description": table.help,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let choices: Vec<Json> = table.choices.iter().map(choice).collect();
    if !choices.is_empty() {
        schema["allOf"] = Json::Array(choices);
    }
    schema
}

/// Exactly one, or at most one, of some keys.
fn choice(choice: &format::Choice) -> Json {
    let mut ways: Vec<Json> = choice.keys.iter().map(|key| json!({ "required": [key] })).collect();
    if !choice.required {
        ways.push(json!({ "not": { "anyOf": ways } }));
    }
    json!({ "oneOf": ways })
}

fn value(value_of: &Value) -> Json {
    match value_of {
        Value::Scalar(scalar) => single(*scalar),
        Value::Table(table) => json!({ "$ref": format!("#/$defs/{}", table.title) }),
        Value::List(of) => json!({ "type": "array", "minItems": 1, "items": value(of) }),
        Value::Either(values) => json!({ "anyOf": values.iter().map(value).collect::<Vec<_>>() }),
        Value::Json => json!({ "type": "object" }),
    }
}

fn single(scalar: Scalar) -> Json {
    let pattern =
        |pattern: &str| json!({ "type": "string", "pattern": format!("{pattern}|{WITH_VARIABLE}") });
    let or_variable =
        |exact: Json| json!({ "anyOf": [exact, { "type": "string", "pattern": WITH_VARIABLE }] });
    match scalar {
        Scalar::Name => pattern("^[a-z0-9][a-z0-9-]{0,79}$"),
        Scalar::Text => json!({ "type": "string", "minLength": 1 }),
        Scalar::Word(words) => or_variable(json!({ "enum": words })),
        Scalar::Flag => or_variable(json!({ "type": "boolean" })),
        Scalar::Count { least, most } => {
            let mut exact = json!({ "type": "integer", "minimum": least });
            if most < u64::MAX {
                exact["maximum"] = json!(most);
            }
            or_variable(exact)
        }
        Scalar::Duration { .. } => pattern(r"^([0-9]+(\.[0-9]+)? ?(ns|us|µs|ms|s|m|min|h|d|w) ?)+$"),
        Scalar::Offset { .. } => pattern(r"^-?([0-9]+(\.[0-9]+)? ?(ns|us|µs|ms|s|m|min|h|d|w) ?)+$"),
        Scalar::Share { .. } => pattern(r"^[0-9]+(\.[0-9]+)? ?%$"),
        Scalar::Size { .. } => pattern(r"^[0-9]+(\.[0-9]+)? ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"),
        Scalar::Rate { .. } => pattern(r"^[0-9]+(\.[0-9]+)? ?/ ?(s|m|min|h)$"),
        Scalar::Gate | Scalar::Alert => pattern(r"^[^ <>=!]+ *(<|<=|>|>=|==|!=) *[0-9].*$"),
        Scalar::TimeOfDay => pattern(r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"),
        Scalar::Limit => pattern(r"^(<|<=|>|>=|==|!=) *[0-9].*$"),
    }
}
