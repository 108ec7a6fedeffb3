//! Objects of which only the existence matters.

use super::reading::Reading;
use crate::catalog::database::{Name, Other, OtherKind};
use crate::catalog::is_system_schema;
use crate::endpoint::error::Result;

/// A catalog of such objects.
struct Catalog {
    kind: OtherKind,
    what: &'static str,
    /// Its own OID, by which comments and extensions know it; 0 where it has no members.
    class: u32,
    /// One row per object: OID, schema, name, detail, how many it stands for.
    sql: &'static str,
}

const CATALOGS: &[Catalog] = &[
    Catalog {
        kind: OtherKind::Cast,
        what: "casts",
        class: 2605,
        sql: "SELECT c.oid, '', format_type(c.castsource, NULL) || ' AS ' \
                     || format_type(c.casttarget, NULL), \
                     CASE c.castmethod WHEN 'f' THEN 'by a function' WHEN 'i' THEN 'by text' \
                                       ELSE 'without a function' END, 1 \
              FROM pg_cast c WHERE c.oid >= 16384 \
                AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 2605 \
                                AND d.objid = c.oid AND d.deptype = 'i') \
              ORDER BY 3",
    },
    Catalog {
        kind: OtherKind::Operator,
        what: "operators",
        class: 2617,
        sql: "SELECT o.oid, n.nspname, o.oprname, \
                     concat_ws(', ', CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END, \
                                     CASE WHEN o.oprright <> 0 THEN format_type(o.oprright, NULL) \
                                     END), 1 \
              FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace \
              WHERE o.oid >= 16384 ORDER BY 2, 3, 4",
    },
    Catalog {
        kind: OtherKind::OperatorClass,
        what: "operator classes",
        class: 2616,
        sql: "SELECT o.oid, n.nspname, o.opcname, m.amname, 1 \
              FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace \
              JOIN pg_am m ON m.oid = o.opcmethod WHERE o.oid >= 16384 ORDER BY 2, 3, 4",
    },
    Catalog {
        kind: OtherKind::OperatorClass,
        what: "operator families",
        class: 2753,
        sql: "SELECT o.oid, n.nspname, o.opfname, m.amname || ', family', 1 \
              FROM pg_opfamily o JOIN pg_namespace n ON n.oid = o.opfnamespace \
              JOIN pg_am m ON m.oid = o.opfmethod \
              WHERE o.oid >= 16384 \
                AND NOT EXISTS (SELECT FROM pg_opclass c WHERE c.opcfamily = o.oid) \
              ORDER BY 2, 3, 4",
    },
    Catalog {
        kind: OtherKind::TextSearch,
        what: "text search configurations",
        class: 3602,
        sql: "SELECT t.oid, n.nspname, t.cfgname, 'configuration', 1 \
              FROM pg_ts_config t JOIN pg_namespace n ON n.oid = t.cfgnamespace \
              WHERE t.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::TextSearch,
        what: "text search dictionaries",
        class: 3600,
        sql: "SELECT t.oid, n.nspname, t.dictname, 'dictionary', 1 \
              FROM pg_ts_dict t JOIN pg_namespace n ON n.oid = t.dictnamespace \
              WHERE t.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::TextSearch,
        what: "text search parsers",
        class: 3601,
        sql: "SELECT t.oid, n.nspname, t.prsname, 'parser', 1 \
              FROM pg_ts_parser t JOIN pg_namespace n ON n.oid = t.prsnamespace \
              WHERE t.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::TextSearch,
        what: "text search templates",
        class: 3764,
        sql: "SELECT t.oid, n.nspname, t.tmplname, 'template', 1 \
              FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace \
              WHERE t.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::Collation,
        what: "collations",
        class: 3456,
        sql: "SELECT l.oid, n.nspname, l.collname, \
                     CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, 1 \
              FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace \
              WHERE l.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::Conversion,
        what: "conversions",
        class: 2607,
        sql: "SELECT c.oid, n.nspname, c.conname, \
                     pg_encoding_to_char(c.conforencoding) || ' to ' \
                     || pg_encoding_to_char(c.contoencoding), 1 \
              FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace \
              WHERE c.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::Statistics,
        what: "extended statistics",
        class: 3381,
        sql: "SELECT s.oid, n.nspname, s.stxname, 'on ' || tn.nspname || '.' || t.relname, 1 \
              FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace \
              JOIN pg_class t ON t.oid = s.stxrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace \
              WHERE s.oid >= 16384 ORDER BY 2, 3",
    },
    Catalog {
        kind: OtherKind::EventTrigger,
        what: "event triggers",
        class: 3466,
        sql: "SELECT e.oid, '', e.evtname, 'on ' || e.evtevent, 1 FROM pg_event_trigger e \
              ORDER BY 3",
    },
    Catalog {
        kind: OtherKind::Publication,
        what: "publications",
        class: 6104,
        sql: "SELECT p.oid, '', p.pubname, \
                     CASE WHEN p.puballtables THEN 'for all tables' \
                          ELSE 'for ' || count(r.prrelid) || ' tables' END, 1 \
              FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid \
              GROUP BY p.oid, p.pubname, p.puballtables ORDER BY 3",
    },
    // Users may read some columns of it, before PostgreSQL 14 without the OID.
    Catalog {
        kind: OtherKind::Subscription,
        what: "subscriptions",
        class: 0,
        sql: "SELECT 0, '', s.subname, CASE WHEN s.subenabled THEN 'enabled' ELSE 'disabled' END, 1 \
              FROM pg_subscription s \
              WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
              ORDER BY 3",
    },
    Catalog {
        kind: OtherKind::ForeignDataWrapper,
        what: "foreign-data wrappers",
        class: 2328,
        sql: "SELECT w.oid, '', w.fdwname, '', 1 FROM pg_foreign_data_wrapper w \
              WHERE w.oid >= 16384 ORDER BY 3",
    },
    Catalog {
        kind: OtherKind::ForeignServer,
        what: "foreign servers",
        class: 1417,
        sql: "SELECT s.oid, '', s.srvname, 'of ' || w.fdwname, 1 FROM pg_foreign_server s \
              JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY 3",
    },
    // The view shows everybody who has a mapping, and hides its options.
    Catalog {
        kind: OtherKind::UserMapping,
        what: "user mappings",
        class: 0,
        sql: "SELECT m.umid, '', m.usename, 'to server ' || m.srvname, 1 FROM pg_user_mappings m \
              ORDER BY 3, 4",
    },
    Catalog {
        kind: OtherKind::Language,
        what: "languages",
        class: 2612,
        sql: "SELECT l.oid, '', l.lanname, '', 1 FROM pg_language l \
              WHERE l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql') ORDER BY 3",
    },
    Catalog {
        kind: OtherKind::DefaultPrivileges,
        what: "default privileges",
        class: 0,
        sql: "SELECT a.oid, coalesce(n.nspname, ''), r.rolname, \
                     CASE a.defaclobjtype WHEN 'r' THEN 'on tables' WHEN 'S' THEN 'on sequences' \
                       WHEN 'f' THEN 'on functions' WHEN 'T' THEN 'on types' \
                       WHEN 'n' THEN 'on schemas' ELSE 'on large objects' END, 1 \
              FROM pg_default_acl a JOIN pg_roles r ON r.oid = a.defaclrole \
              LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace ORDER BY 2, 3, 4",
    },
    Catalog {
        kind: OtherKind::SecurityLabel,
        what: "security labels",
        class: 0,
        sql: "SELECT 0, '', s.provider, 'for ' || count(*) || ' objects', count(*) \
              FROM pg_seclabel s GROUP BY s.provider ORDER BY 3",
    },
    Catalog {
        kind: OtherKind::LargeObjects,
        what: "large objects",
        class: 0,
        sql: "SELECT 0, '', 'large objects', '', count(*) FROM pg_largeobject_metadata \
              HAVING count(*) > 0",
    },
    Catalog {
        kind: OtherKind::Something,
        what: "transforms",
        class: 3576,
        sql: "SELECT t.oid, '', 'transform for ' || format_type(t.trftype, NULL), \
                     'language ' || l.lanname, 1 \
              FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang ORDER BY 3, 4",
    },
    Catalog {
        kind: OtherKind::Something,
        what: "access methods",
        class: 2601,
        sql: "SELECT m.oid, '', 'access method ' || m.amname, '', 1 FROM pg_am m \
              WHERE m.oid >= 16384 ORDER BY 3",
    },
    // Names of settings, never their values: they may hold secrets.
    Catalog {
        kind: OtherKind::Settings,
        what: "settings of the database and its roles",
        class: 0,
        sql: "SELECT 0, '', CASE WHEN r.rolname IS NULL THEN 'settings of the database' \
                                 ELSE 'settings of role ' || r.rolname END, \
                     string_agg(split_part(s.setting, '=', 1), ', '), count(*) \
              FROM pg_db_role_setting d LEFT JOIN pg_roles r ON r.oid = d.setrole, \
                   unnest(d.setconfig) AS s(setting) \
              WHERE d.setdatabase = (SELECT oid FROM pg_database \
                                     WHERE datname = current_database()) \
              GROUP BY r.rolname ORDER BY 3",
    },
];

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    for catalog in CATALOGS {
        reading
            .optional(catalog.what, catalog.sql, |found, f| {
                let name = Name::new(f.text(1)?, f.text(2)?);
                if name.schema.is_empty() || !is_system_schema(&name.schema) {
                    let oid = f.number(0)?;
                    found.database.others.push(Other {
                        kind: catalog.kind,
                        oid,
                        name,
                        detail: f.text(3)?,
                        count: f.number(4)?,
                        extension: found.extension(catalog.class, oid),
                    });
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}
