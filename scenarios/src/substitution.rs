//! `${NAME}` and `${NAME:-default}` in values.

use std::collections::BTreeMap;

use crate::problem::{Place, Problem};
use crate::tree::{Kind, Node};

/// Replaces every variable in every value of the file; keys and values given by flags stay as they are.
pub(crate) fn apply(node: &mut Node, env: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    match &mut node.kind {
        Kind::Scalar { text, .. } if text.contains('$') && matches!(node.place, Place::Text { .. }) => {
            match replaced(text, env) {
                Ok(new) => *text = new,
                Err((what, help)) => {
                    problems.push(Problem::new(&node.place, what).help(help));
                    node.kind = Kind::Broken;
                }
            }
        }
        Kind::Scalar { .. } | Kind::Broken => {}
        Kind::List(items) => items.iter_mut().for_each(|item| apply(item, env, problems)),
        Kind::Map(entries) => entries.iter_mut().for_each(|entry| apply(&mut entry.value, env, problems)),
    }
}

fn replaced(text: &str, env: &BTreeMap<String, String>) -> Result<String, (String, String)> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out += before;
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let Some((inside, after)) = after.split_once('}') else {
                return Err(("a ${ has no }".to_owned(), "write ${NAME}, or $$ for a plain $".to_owned()));
            };
            out += &variable(inside, env)?;
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    Ok(out + rest)
}

fn variable(inside: &str, env: &BTreeMap<String, String>) -> Result<String, (String, String)> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let help = "write ${NAME} or ${NAME:-default}, or $$ for a plain $".to_owned();
        return Err((format!("\"{name}\" is no name of a variable"), help));
    }
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    let value = env.get(name).filter(|value| default.is_none() || !value.is_empty());
    value.map(String::as_str).or(default).map(str::to_owned).ok_or_else(|| {
        let help = format!("set it, or give a value for when it is not set: ${{{name}:-value}}");
        (format!("the environment has no variable {name}"), help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_by_what_the_environment_has() {
        let env: BTreeMap<_, _> =
            [("HOLD", "30s"), ("NONE", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        for (text, expected) in [
            ("${HOLD}", Ok("30s")),
            ("a ${HOLD} b ${HOLD}", Ok("a 30s b 30s")),
            ("${MISSING:-8h}", Ok("8h")),
            ("${MISSING:-}", Ok("")),
            ("${NONE:-8h}", Ok("8h")),
            ("${NONE}", Ok("")),
            ("$${HOLD}", Ok("${HOLD}")),
            ("5$ and $x", Ok("5$ and $x")),
            ("${MISSING}", Err("the environment has no variable MISSING")),
            ("${HOLD", Err("a ${ has no }")),
            ("${}", Err("\"\" is no name of a variable")),
            ("${1x}", Err("\"1x\" is no name of a variable")),
        ] {
            let found = replaced(text, &env).map_err(|(what, _)| what);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
