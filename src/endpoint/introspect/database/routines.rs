//! Functions, procedures and aggregates.

use super::super::answer::{Fields, Read};
use super::reading::{Reading, class, is_user_schema};
use super::texts::{LOCKING, MANY};
use crate::catalog::database::{Routine, RoutineKind};
use crate::endpoint::error::Result;

/// pg_type.oid of `trigger`.
const TRIGGER: u32 = 2279;

/// Constructors of range types depend on them internally: they come with the type.
const ROUTINES: &str = "\
SELECT p.oid, n.nspname, p.proname, p.prokind, l.lanname, {body}, p.prorettype, p.prosecdef, \
       array_to_json(p.proconfig) \
FROM pg_proc p \
JOIN pg_namespace n ON n.oid = p.pronamespace \
JOIN pg_language l ON l.oid = p.prolang \
WHERE p.oid >= 16384 \
  AND NOT EXISTS (SELECT FROM pg_depend d \
                  WHERE d.classid = 1255 AND d.objid = p.oid AND d.deptype = 'i') \
ORDER BY n.nspname, p.proname, p.oid";

/// What no function of the server prints: CREATE AGGREGATE. `r` is what FINALFUNC_MODIFY is where nothing is
/// said, of ordered-set aggregates `w`.
const AGGREGATES: &str = "\
SELECT a.oid, 0, 'CREATE AGGREGATE ' || quote_ident(a.nspname) || '.' || quote_ident(a.proname) || '(' \
       || CASE WHEN a.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(a.oid) END || ') (' \
       || concat_ws(', ', \
            'SFUNC = ' || a.aggtransfn::text, \
            'STYPE = ' || format_type(a.aggtranstype, NULL), \
            CASE WHEN a.aggtransspace > 0 THEN 'SSPACE = ' || a.aggtransspace END, \
            CASE WHEN a.aggfinalfn::oid <> 0 THEN 'FINALFUNC = ' || a.aggfinalfn::text END, \
            CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END, \
            CASE WHEN a.aggfinalfn::oid <> 0 AND a.aggfinalmodify <> a.usual \
                 THEN 'FINALFUNC_MODIFY = ' || a.modify END, \
            CASE WHEN a.aggcombinefn::oid <> 0 THEN 'COMBINEFUNC = ' || a.aggcombinefn::text END, \
            CASE WHEN a.aggserialfn::oid <> 0 THEN 'SERIALFUNC = ' || a.aggserialfn::text END, \
            CASE WHEN a.aggdeserialfn::oid <> 0 THEN 'DESERIALFUNC = ' || a.aggdeserialfn::text END, \
            'INITCOND = ' || quote_literal(a.agginitval), \
            CASE WHEN a.aggmtransfn::oid <> 0 THEN 'MSFUNC = ' || a.aggmtransfn::text END, \
            CASE WHEN a.aggminvtransfn::oid <> 0 THEN 'MINVFUNC = ' || a.aggminvtransfn::text END, \
            CASE WHEN a.aggmtranstype <> 0 THEN 'MSTYPE = ' || format_type(a.aggmtranstype, NULL) END, \
            CASE WHEN a.aggmtransspace > 0 THEN 'MSSPACE = ' || a.aggmtransspace END, \
            CASE WHEN a.aggmfinalfn::oid <> 0 THEN 'MFINALFUNC = ' || a.aggmfinalfn::text END, \
            CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END, \
            CASE WHEN a.aggmfinalfn::oid <> 0 AND a.aggmfinalmodify <> a.usual \
                 THEN 'MFINALFUNC_MODIFY = ' || a.mmodify END, \
            'MINITCOND = ' || quote_literal(a.aggminitval), \
            CASE WHEN a.aggsortop <> 0 THEN 'SORTOP = ' || a.sortop END, \
            CASE a.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END, \
            CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END) || ')' \
FROM (SELECT p.oid, n.nspname, p.proname, p.pronargs, p.proparallel, g.*, \
             CASE WHEN g.aggkind = 'n' THEN 'r' ELSE 'w' END AS usual, \
             CASE g.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' \
                                   ELSE 'READ_WRITE' END AS modify, \
             CASE g.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' \
                                    ELSE 'READ_WRITE' END AS mmodify, \
             (SELECT 'OPERATOR(' || quote_ident(s.nspname) || '.' || o.oprname || ')' FROM pg_operator o \
              JOIN pg_namespace s ON s.oid = o.oprnamespace WHERE o.oid = g.aggsortop) AS sortop \
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
      JOIN pg_aggregate g ON g.aggfnoid = p.oid \
      WHERE p.oid {range}) a";

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let sql = ROUTINES.replace("{body}", &reading.sendable("p.prosrc"));
    reading
        .each("the functions", &sql, |found, f| {
            let mut routine = read_routine(&f)?;
            if is_user_schema(&routine.name.schema) {
                routine.extension = found.extension(class::ROUTINE, routine.oid);
                routine.comment = found.comment(class::ROUTINE, routine.oid, 0);
                found.database.routines.push(routine);
            }
            Ok(())
        })
        .await?;
    definitions(reading).await
}

fn read_routine(f: &Fields<'_>) -> Read<Routine> {
    let kind = match f.letter(3) {
        'p' => RoutineKind::Procedure,
        'a' => RoutineKind::Aggregate,
        'w' => RoutineKind::Window,
        _ => RoutineKind::Function,
    };
    let returns = f.number(6)?;
    Ok(Routine {
        oid: f.number(0)?,
        name: f.name(1)?,
        arguments: String::new(),
        kind,
        language: f.text(4)?,
        definition: None,
        body: f.text(5)?,
        sql_body: None,
        returns: if kind == RoutineKind::Procedure {
            0
        } else {
            returns
        },
        is_trigger: returns == TRIGGER,
        security_definer: f.truth(7),
        settings: f.list(8)?,
        extension: None,
        comment: None,
    })
}

/// Whole statements, and bodies of the SQL standard (PostgreSQL 14). To print these, the server locks the
/// tables that they name.
async fn definitions(reading: &mut Reading<'_>) -> Result<()> {
    const WHOLE: &str = "SELECT p.oid, 0, pg_get_functiondef(p.oid) FROM pg_proc p \
                         WHERE p.prokind <> 'a' AND p.oid {range}";
    const BODIES: &str = "SELECT p.oid, 0, pg_get_function_sqlbody(p.oid) FROM pg_proc p \
                          WHERE p.prosqlbody IS NOT NULL AND p.oid {range}";
    let mut routines = std::mem::take(&mut reading.database.routines);
    arguments(reading, &mut routines).await?;
    let (aggregates, functions): (Vec<&Routine>, Vec<&Routine>) = routines
        .iter()
        .partition(|r| r.kind == RoutineKind::Aggregate);
    let oids: Vec<u32> = functions.iter().map(|r| r.oid).collect();
    let aggregates: Vec<u32> = aggregates.iter().map(|r| r.oid).collect();
    let what = "the functions";
    let mut whole = reading.texts(what, oids.clone(), WHOLE, LOCKING).await?;
    let mut made = reading
        .texts("the aggregates", aggregates, AGGREGATES, MANY)
        .await?;
    let mut bodies = if reading.version >= 140_000 {
        reading.texts(what, oids, BODIES, LOCKING).await?
    } else {
        super::texts::Texts::default()
    };
    for routine in &mut routines {
        let texts = match routine.kind {
            RoutineKind::Aggregate => &mut made,
            _ => &mut whole,
        };
        let named = || format!("function {}", routine.signature());
        routine.definition = reading.text(texts, (routine.oid, 0), named);
        routine.sql_body = bodies.take(routine.oid, 0);
    }
    reading.database.routines = routines;
    Ok(())
}

async fn arguments(reading: &mut Reading<'_>, routines: &mut [Routine]) -> Result<()> {
    const SQL: &str = "SELECT p.oid, 0, pg_get_function_identity_arguments(p.oid) FROM pg_proc p \
                       WHERE p.oid {range}";
    let oids = routines.iter().map(|r| r.oid).collect();
    let what = "the arguments of functions";
    let mut texts = reading.texts(what, oids, SQL, MANY).await?;
    for routine in routines {
        let named = || format!("the arguments of function {}", routine.name);
        let text = reading.text(&mut texts, (routine.oid, 0), named);
        routine.arguments = text.unwrap_or_default();
    }
    Ok(())
}
