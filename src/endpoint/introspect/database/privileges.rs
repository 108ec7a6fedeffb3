//! Owners, grants and tablespaces, summed up by role and by tablespace: no conversion keeps them.

use super::reading::Reading;
use crate::catalog::database::{Name, Other, OtherKind};
use crate::endpoint::error::Result;

/// Everything that has an owner and privileges: kind (of `acldefault`), owner, privileges. Members of
/// extensions come with them, and the schema `public` is the server's own.
const OBJECTS: &str = "\
SELECT CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END AS kind, c.relowner AS owner, c.relacl AS acl, \
       c.relnamespace AS schema, 1259 AS class, c.oid \
FROM pg_class c WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND c.relpersistence <> 't' \
UNION ALL SELECT 'r', c.relowner, a.attacl, c.relnamespace, 1259, c.oid \
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL \
UNION ALL SELECT 'f', p.proowner, p.proacl, p.pronamespace, 1255, p.oid FROM pg_proc p \
UNION ALL SELECT 'T', t.typowner, t.typacl, t.typnamespace, 1247, t.oid FROM pg_type t \
WHERE t.typtype IN ('d', 'e', 'r') OR t.typacl IS NOT NULL \
UNION ALL SELECT 'n', n.nspowner, n.nspacl, n.oid, 2615, n.oid FROM pg_namespace n \
WHERE n.nspname <> 'public'";

/// Objects of the user's schemas, without members of extensions.
const OF_USERS: &str = "\
o.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
AND n.nspname <> 'wire9' AND n.nspname !~ '^wire9_probe' \
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid \
                AND d.deptype = 'e')";

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let owners = format!(
        "SELECT r.rolname, 'of ' || count(DISTINCT (o.class, o.oid)) || ' objects', \
                count(DISTINCT (o.class, o.oid)) \
         FROM ({OBJECTS}) o JOIN pg_namespace n ON n.oid = o.schema \
         JOIN pg_roles r ON r.oid = o.owner \
         WHERE r.rolname <> current_user AND {OF_USERS} GROUP BY r.rolname ORDER BY 1"
    );
    sums(reading, OtherKind::Owner, "owners", &owners).await?;
    // Everybody may use types and call functions unless that is revoked: no grant.
    let grants = format!(
        "SELECT coalesce(r.rolname, 'PUBLIC'), \
                'on ' || count(DISTINCT (o.class, o.oid)) || ' objects: ' \
                || string_agg(DISTINCT x.privilege_type, ', '), \
                count(DISTINCT (o.class, o.oid)) \
         FROM ({OBJECTS}) o JOIN pg_namespace n ON n.oid = o.schema, aclexplode(o.acl) x \
         LEFT JOIN pg_roles r ON r.oid = x.grantee \
         WHERE x.grantee <> o.owner AND (x.grantee <> 0 OR o.kind NOT IN ('f', 'T')) AND {OF_USERS} \
         GROUP BY r.rolname ORDER BY 1"
    );
    sums(reading, OtherKind::Grants, "grants", &grants).await?;
    let tablespaces = "\
        SELECT t.spcname, 'of ' || count(*) || ' tables and indexes', count(*) \
        FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace \
        WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'i', 'I') AND c.relpersistence <> 't' \
        GROUP BY t.spcname ORDER BY 1";
    sums(reading, OtherKind::Tablespace, "tablespaces", tablespaces).await
}

/// Reads rows of name, detail and count.
async fn sums(reading: &mut Reading<'_>, kind: OtherKind, what: &str, sql: &str) -> Result<()> {
    reading
        .optional(what, sql, |found, f| {
            found.database.others.push(Other {
                kind,
                oid: 0,
                name: Name::new("", f.text(0)?),
                detail: f.text(1)?,
                count: f.number(2)?,
                extension: None,
            });
            Ok(())
        })
        .await
}
