//! `kind = "field"`: axes with their ends, and the unknown with its diffusion, advection and source.

use super::reader::Reader;
use super::scope::{Scope, check_name};
use crate::base::Result;
use crate::process::{Axis, End, Field, Unknown};

/// Names of the axes and of the unknown, in the order of the pool's variables.
pub(super) fn variable_names(top: &Reader) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for key in ["space", "field"] {
        let tables = top.needed_table(key, &[])?;
        for (name, offset) in tables.keys() {
            check_name(top.source, &name, offset)?;
            names.push(name);
        }
        if key == "space" && !(1..=2).contains(&names.len()) {
            return Err(top.source.error(tables.offset, format!("{} axes: a field has one or two", names.len())));
        }
        if key == "field" && tables.keys().len() != 1 {
            let message = format!("{} unknowns: a field has one", tables.keys().len());
            return Err(top.source.error(tables.offset, message));
        }
    }
    Ok(names)
}

pub(super) fn read_field(top: &Reader, mut scope: Scope) -> Result<Field> {
    let conservative = match top.text("form")? {
        None => true,
        Some((text, _)) if text == "conservative" => true,
        Some((text, _)) if text == "nonconservative" => false,
        Some((text, at)) => {
            let message = format!("form '{text}' is not known: \"conservative\" or \"nonconservative\"");
            return Err(top.source.error(at, message));
        }
    };
    let spaces = top.needed_table("space", &[])?;
    let mut axes = Vec::new();
    for (name, _) in spaces.keys() {
        axes.push(read_axis(&spaces, &mut scope, &name)?);
    }
    let fields = top.needed_table("field", &[])?;
    let (name, _) = fields.keys().into_iter().next().unwrap_or_default();
    let known = ["unit", "initial", "diffusion", "advection", "source", "meaning"];
    let table = fields.needed_table(&name, &known)?;
    let called = |what: &str| format!("field.{name}.{what}");
    let initial = scope.expression(&table, "initial", &called("initial"))?;
    let unknown_symbol = scope.frame.variable(axes.len());
    if scope.frame.pool.depends_on(initial, unknown_symbol) {
        return Err(top.source.error(table.offset, format!("{} may not hold {name}", called("initial"))));
    }
    let mut along = |key: &str, other: Option<f64>| -> Result<Vec<crate::expr::Id>> {
        if table.is_table(key) {
            let names: Vec<&str> = axes.iter().map(|a: &Axis| a.name.as_str()).collect();
            let each = table.needed_table(key, &names)?;
            return names.iter().map(|n| scope.expression(&each, n, &called(&format!("{key}.{n}")))).collect();
        }
        let id = match other {
            None => scope.expression(&table, key, &called(key))?,
            Some(other) => scope.expression_or(&table, key, &called(key), other)?,
        };
        Ok(vec![id; axes.len()])
    };
    let diffusion = along("diffusion", None)?;
    let advection = along("advection", Some(0.0))?;
    let source = scope.expression_or(&table, "source", &called("source"), 0.0)?;
    let unit = table.text("unit")?.map_or("1".to_string(), |t| t.0);
    let unknown = Unknown { name, unit, initial, diffusion, advection, source };
    Ok(Field { frame: scope.frame, axes, unknown, conservative })
}

fn read_axis(spaces: &Reader, scope: &mut Scope, name: &str) -> Result<Axis> {
    let table = spaces.needed_table(name, &["from", "to", "unit", "left", "right", "meaning"])?;
    let mut end = |key: &str| scope.constant_or(&table, key, &format!("space.{name}.{key}"), f64::NAN);
    table.needed_expression("from")?;
    table.needed_expression("to")?;
    let (from, to) = (end("from")?, end("to")?);
    let unit = table.text("unit")?.map_or("1".to_string(), |t| t.0);
    let (left, right) = (read_end(&table, scope, name, "left")?, read_end(&table, scope, name, "right")?);
    if (left == End::Periodic) != (right == End::Periodic) {
        let message = format!("space.{name}: one end is periodic and the other is not");
        return Err(spaces.source.error(table.offset, message));
    }
    Ok(Axis { name: name.to_string(), unit, from, to, left, right })
}

fn read_end(axis: &Reader, scope: &mut Scope, name: &str, side: &str) -> Result<End> {
    const KINDS: [&str; 4] = ["dirichlet", "neumann", "robin", "periodic"];
    let table = axis.needed_table(side, &KINDS)?;
    let called = format!("space.{name}.{side}");
    let keys = table.keys();
    let [(kind, offset)] = keys.as_slice() else {
        let message = format!("{called} wants exactly one of dirichlet, neumann, robin, periodic");
        return Err(axis.source.error(table.offset, message));
    };
    match kind.as_str() {
        "dirichlet" => Ok(End::Dirichlet(scope.constant_or(&table, kind, &called, 0.0)?)),
        "neumann" => Ok(End::Neumann(scope.constant_or(&table, kind, &called, 0.0)?)),
        "robin" => {
            let mut ids = Vec::new();
            for (text, at) in table.expressions("robin")? {
                let id = scope.parse(&text, at, &called)?;
                ids.push(scope.refuse_variables(id, at, &called)?);
            }
            match ids.as_slice() {
                [a, b, c] => Ok(End::Robin(*a, *b, *c)),
                _ => {
                    let message = format!("{called}.robin wants [a, b, c] of a u + b ∂u/∂n = c");
                    Err(axis.source.error(*offset, message))
                }
            }
        }
        _ if table.flag("periodic")? => Ok(End::Periodic),
        _ => Err(axis.source.error(*offset, format!("{called}.periodic is true, or not written"))),
    }
}
