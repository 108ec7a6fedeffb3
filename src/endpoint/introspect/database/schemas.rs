//! Schemas and extensions; comments and who belongs to which extension, which all others ask for.

use super::reading::{Reading, class, is_user_schema};
use crate::catalog::database::{Extension, Schema};
use crate::endpoint::error::Result;

/// Comments and memberships of objects that are not the server's own (OIDs below 16384, but for the schema
/// `public`).
pub(super) async fn facts(reading: &mut Reading<'_>) -> Result<()> {
    let description = reading.sendable("description");
    let Reading {
        connection,
        comments,
        members,
        ..
    } = reading;
    let sql = format!(
        "SELECT classoid, objoid, objsubid, {description} FROM pg_description \
         WHERE objoid >= 16384 \
            OR (classoid = 2615 AND objoid = 2200 AND description <> 'standard public schema')"
    );
    super::super::answer::each(connection, "reading the comments", &sql, |f| {
        let part = (f.number(0)?, f.number(1)?, f.number(2)?);
        comments.insert(part, f.text(3)?);
        Ok(())
    })
    .await?;
    let sql = "SELECT d.classid, d.objid, e.extname FROM pg_depend d \
               JOIN pg_extension e ON e.oid = d.refobjid \
               WHERE d.refclassid = 3079 AND d.deptype = 'e' AND d.objsubid = 0";
    super::super::answer::each(connection, "reading what extensions hold", sql, |f| {
        members.insert((f.number(0)?, f.number(1)?), f.text(2)?);
        Ok(())
    })
    .await
}

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let sql = "SELECT oid, nspname FROM pg_namespace ORDER BY nspname";
    reading
        .each("the schemas", sql, |found, f| {
            let (oid, name) = (f.number(0)?, f.text(1)?);
            if is_user_schema(&name) {
                let schema = Schema {
                    oid,
                    name,
                    extension: found.extension(class::SCHEMA, oid),
                    comment: found.comment(class::SCHEMA, oid, 0),
                };
                found.database.schemas.push(schema);
            }
            Ok(())
        })
        .await?;
    let sql = "SELECT e.oid, e.extname, n.nspname, e.extversion FROM pg_extension e \
               JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY e.extname";
    reading
        .each("the extensions", sql, |found, f| {
            found.database.extensions.push(Extension {
                oid: f.number(0)?,
                name: f.text(1)?,
                schema: f.text(2)?,
                version: f.text(3)?,
            });
            Ok(())
        })
        .await
}
