//! Types that users made: enums, composites, domains, ranges, base types.

use std::collections::HashMap;

use super::super::answer::{Fields, Read};
use super::columns::Typed;
use super::reading::{Reading, class, is_user_schema};
use super::texts::MANY;
use crate::catalog::database::{Name, UserType, UserTypeKind};
use crate::endpoint::error::Result;

/// Types as pg_type tells them, before what they are made of is known.
pub(super) struct UserTypes(Vec<Raw>);

struct Raw {
    oid: u32,
    name: Name,
    /// pg_type.typtype
    kind: char,
    array_oid: u32,
    /// Of a composite type: its pg_class.oid.
    relation: u32,
    /// Of a domain the type below it, of a range that of its bounds; 0 for none.
    made_of: u32,
    typmod: i32,
    made_of_sql: String,
    not_null: bool,
    has_default: bool,
    collation: Option<Name>,
    /// Of a range: see `UserTypeKind::Range`.
    options: Vec<String>,
}

impl UserTypes {
    /// The types that these are made of.
    pub(super) fn used(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|t| t.made_of).filter(|&oid| oid != 0)
    }
}

/// Without arrays, multiranges and the row types of relations: they come with another object.
const TYPES: &str = "\
SELECT t.oid, n.nspname, t.typname, t.typtype, t.typarray, t.typrelid, \
       coalesce(r.rngsubtype, t.typbasetype), t.typtypmod, \
       format_type(coalesce(r.rngsubtype, t.typbasetype), t.typtypmod), t.typnotnull, \
       t.typdefaultbin IS NOT NULL, ln.nspname, l.collname, \
       CASE WHEN r.rngtypid IS NOT NULL THEN array_to_json(array_remove(ARRAY[{multirange}, \
           (SELECT 'subtype_opclass = ' || quote_ident(n.nspname) || '.' || quote_ident(o.opcname) \
            FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace \
            WHERE o.oid = r.rngsubopc AND NOT o.opcdefault), \
           (SELECT 'collation = ' || quote_ident(n.nspname) || '.' || quote_ident(o.collname) \
            FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace \
            JOIN pg_type s ON s.oid = r.rngsubtype \
            WHERE o.oid = r.rngcollation AND o.oid <> s.typcollation), \
           CASE WHEN r.rngcanonical::oid <> 0 THEN 'canonical = ' || r.rngcanonical::text END, \
           CASE WHEN r.rngsubdiff::oid <> 0 THEN 'subtype_diff = ' || r.rngsubdiff::text END], \
           NULL)) END \
FROM pg_type t \
JOIN pg_namespace n ON n.oid = t.typnamespace \
LEFT JOIN pg_class c ON c.oid = t.typrelid \
LEFT JOIN pg_range r ON r.rngtypid = t.oid \
LEFT JOIN pg_type b ON b.oid = t.typbasetype \
LEFT JOIN pg_collation l ON l.oid = t.typcollation AND t.typtype = 'd' \
                        AND t.typcollation <> b.typcollation \
LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace \
WHERE t.oid >= 16384 AND (c.relkind IS NULL OR c.relkind = 'c') AND t.typtype <> 'm' \
  AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) \
ORDER BY n.nspname, t.typname";

/// PostgreSQL 14 has them.
const MULTIRANGE: &str = "\
(SELECT 'multirange_type_name = ' || quote_ident(n.nspname) || '.' || quote_ident(o.typname) \
 FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace WHERE o.oid = r.rngmultitypid)";

/// The types, without their parts.
pub(super) async fn catalog(reading: &mut Reading<'_>) -> Result<UserTypes> {
    let mut raws = Vec::new();
    let multirange = match reading.version {
        140_000.. => MULTIRANGE,
        _ => "NULL",
    };
    let sql = TYPES.replace("{multirange}", multirange);
    reading
        .each("the types", &sql, |_, f| {
            let raw = read_type(&f)?;
            if is_user_schema(&raw.name.schema) {
                raws.push(raw);
            }
            Ok(())
        })
        .await?;
    Ok(UserTypes(raws))
}

fn read_type(f: &Fields<'_>) -> Read<Raw> {
    Ok(Raw {
        oid: f.number(0)?,
        name: f.name(1)?,
        kind: f.letter(3),
        array_oid: f.number(4)?,
        relation: f.number(5)?,
        made_of: f.number(6)?,
        typmod: f.number(7)?,
        made_of_sql: f.owned(8).unwrap_or_default(),
        not_null: f.truth(9),
        has_default: f.truth(10),
        collation: f.optional_name(11),
        options: f.list(13)?,
    })
}

/// Puts the types together from their parts.
pub(super) async fn finish(
    reading: &mut Reading<'_>,
    UserTypes(raws): UserTypes,
    mut typed: Typed,
) -> Result<()> {
    let mut labels = labels(reading).await?;
    let mut defaults = defaults(reading, &raws).await?;
    for raw in raws {
        let kind = match raw.kind {
            'e' => UserTypeKind::Enum(labels.remove(&raw.oid).unwrap_or_default()),
            'c' => UserTypeKind::Composite(typed.fields.remove(&raw.relation).unwrap_or_default()),
            'd' => domain(&raw, &typed, defaults.remove(&raw.oid)),
            'r' => UserTypeKind::Range {
                subtype: typed
                    .types
                    .resolve(raw.made_of, -1, raw.made_of_sql.clone()),
                options: raw.options.clone(),
            },
            _ => UserTypeKind::Base,
        };
        let of_class = (class::TYPE, raw.oid);
        let relation = (class::RELATION, raw.relation, 0);
        let comment = reading.comments.remove(&(class::TYPE, raw.oid, 0));
        reading.database.types.push(UserType {
            oid: raw.oid,
            array_oid: raw.array_oid,
            name: raw.name,
            kind,
            extension: reading.members.get(&of_class).cloned(),
            comment: comment.or_else(|| reading.comments.remove(&relation)),
        });
    }
    Ok(())
}

fn domain(raw: &Raw, typed: &Typed, default: Option<String>) -> UserTypeKind {
    let sql = raw.made_of_sql.clone();
    UserTypeKind::Domain {
        base: typed.types.resolve(raw.made_of, raw.typmod, sql),
        base_oid: raw.made_of,
        not_null: raw.not_null,
        default,
        collation: raw.collation.clone(),
        // They come with the constraints.
        checks: Vec::new(),
    }
}

async fn labels(reading: &mut Reading<'_>) -> Result<HashMap<u32, Vec<String>>> {
    let sql = "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder";
    let mut labels: HashMap<u32, Vec<String>> = HashMap::new();
    reading
        .each("the labels of enums", sql, |_, f| {
            let of_type = labels.entry(f.number(0)?).or_default();
            of_type.push(f.text(1)?);
            Ok(())
        })
        .await?;
    Ok(labels)
}

/// Defaults of domains: pg_type.typdefault would hold the names of the day of CREATE DOMAIN.
async fn defaults(reading: &mut Reading<'_>, raws: &[Raw]) -> Result<HashMap<u32, String>> {
    const SQL: &str = "SELECT t.oid, 0, pg_get_expr(t.typdefaultbin, 0) FROM pg_type t \
                       WHERE t.typdefaultbin IS NOT NULL AND t.oid {range}";
    let with_default = || raws.iter().filter(|raw| raw.kind == 'd' && raw.has_default);
    let oids = with_default().map(|raw| raw.oid).collect();
    let what = "the defaults of domains";
    let mut texts = reading.texts(what, oids, SQL, MANY).await?;
    let mut defaults = HashMap::new();
    for raw in with_default() {
        let named = || format!("the default of domain {}", raw.name);
        if let Some(text) = reading.text(&mut texts, (raw.oid, 0), named) {
            defaults.insert(raw.oid, text);
        }
    }
    Ok(defaults)
}
