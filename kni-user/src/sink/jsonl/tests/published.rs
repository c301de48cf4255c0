//! What `kniwatch schema` prints admits what is written, and nothing that is not.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::super::schema;
use super::{everything, examples};

fn validator() -> Validator {
    let mut printed = Vec::new();
    schema(&mut printed).unwrap();
    let schema: Value = serde_json::from_slice(&printed).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, line: &str) {
    let line = serde_json::from_str(line).unwrap();
    let complaints: Vec<String> =
        validator.iter_errors(&line).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(complaints.is_empty(), "{complaints:#?}\n{line}");
}

#[test]
fn every_line_and_every_example_holds_to_it() {
    let validator = validator();
    everything().lines().for_each(|line| assert_valid(&validator, line));
    examples().for_each(|line| assert_valid(&validator, line));
}

#[test]
fn lines_with_a_field_missing_or_of_another_type_do_not() {
    let validator = validator();
    let lines = everything();
    for line in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let Some(data) = line["data"].as_object() else { panic!("{line}") };
        for field in data.keys() {
            let mut without = line.clone();
            without["data"].as_object_mut().unwrap().remove(field);
            assert!(!validator.is_valid(&without), "without {field}: {line}");
            let mut other = line.clone();
            other["data"][field] = json!(0.5);
            assert!(!validator.is_valid(&other), "{field} of 0.5: {line}");
        }
    }
    for other in [json!({}), json!({"type": "unheard-of", "data": {}}), json!({"type": "lost"})] {
        assert!(!validator.is_valid(&other), "{other}");
    }
}
