//! `docs/schema.json` as a validator that also refuses what it does not name.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema, with every key forbidden that it does not name. Readers get it without that, as keys may be added.
static STRICT: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = published();
    close(&mut schema);
    jsonschema::draft202012::new(&schema).expect("docs/schema.json is a schema")
});

fn published() -> Value {
    serde_json::from_str(include_str!("../../docs/schema.json")).expect("docs/schema.json is JSON")
}

/// Lets every object have only the keys that are named for it.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            keys.values_mut().for_each(close);
            // Not the object of properties itself, one of which may have that name.
            if keys.get("type") == Some(&json!("object")) && keys.contains_key("properties") {
                keys.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// What is wrong with the lines of an output.
pub fn offences(name: &str, output: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for (line, number) in output.lines().zip(1..) {
        let value: Value = match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => {
                offences.push(format!("{name}:{number}: {error}"));
                continue;
            }
        };
        // Of the alternatives that a line may be, only its own says what is wrong.
        if !STRICT.is_valid(&value) {
            offences.push(format!("{name}:{number}: {}", complaints(&value)));
        }
    }
    offences
}

/// Why a line is not what its `type` promises.
fn complaints(value: &Value) -> String {
    let mut schema = published();
    close(&mut schema);
    let own = format!("#/$defs/{}", value["type"].as_str().unwrap_or_default());
    let keys = schema.as_object_mut().expect("the schema is an object");
    keys.remove("oneOf");
    keys.insert("$ref".to_owned(), json!(own));
    match jsonschema::draft202012::new(&schema) {
        Ok(validator) => {
            let found: Vec<String> =
                validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
            found.join("; ")
        }
        Err(_) => format!("no type {}", value["type"]),
    }
}
