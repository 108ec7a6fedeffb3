//! What a server makes of types, values and COPY: tried on tables of the scratch schema.

use super::{Prober, Try, probed, refusal};
use crate::endpoint::attempt::leave;
use crate::endpoint::error::Result;
use crate::profile::{Fact, Rounding};
use crate::sql;

pub(super) async fn probe(prober: &mut Prober<'_>, schema: &str, copy_bytes: usize) -> Result<()> {
    times(prober, schema).await?;
    special_times(prober, schema).await?;
    numerics(prober, schema).await?;
    arrays_and_identities(prober, schema).await?;
    copies(prober, schema).await?;
    rollback_of_copy(prober, schema, copy_bytes).await
}

/// A second's fraction whose digits are all different: what is left of it tells how many are kept.
const FRACTION: &str = "04:05:06.123456";

async fn times(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let rows = [
        [
            "2001-02-03 04:05:06.123456",
            "2001-02-03 04:05:06.123456+00",
            FRACTION,
            FRACTION,
        ],
        [
            "2001-02-03 23:59:59.999999",
            "2001-02-03 23:59:59.999999+00",
            FRACTION,
            FRACTION,
        ],
    ];
    let Some(back) = copied_times(prober, schema, &rows).await? else {
        prober.note("how many fraction digits are kept could not be probed by COPY");
        return Ok(());
    };
    let digits: Vec<u8> = back[0].iter().map(|text| fraction_digits(text)).collect();
    let profile = &mut prober.profile;
    profile.timestamp_digits = probed(digits[0]);
    profile.timestamptz_digits = probed(digits[1]);
    profile.time_digits = probed(digits[2]);
    profile.interval_digits = probed(digits[3]);
    profile.timestamp_rounding = rounding(digits[0], &back[1][0]).map(Fact::probed);
    Ok(())
}

/// Rows of timestamp, timestamptz, time and interval, through COPY as all data comes, and back.
async fn copied_times(
    prober: &mut Prober<'_>,
    schema: &str,
    rows: &[[&str; 4]; 2],
) -> Result<Option<[[String; 4]; 2]>> {
    let doing = "times through COPY";
    let table = sql::qualified(schema, "times");
    let create = format!(
        "CREATE TABLE {table} (id integer PRIMARY KEY, \
         a timestamp, b timestamptz, c time, d interval)"
    );
    if !prober.takes(doing, &[&create]).await? {
        return Ok(None);
    }
    let lines: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(id, row)| format!("{id}\t{}\n", row.join("\t")))
        .collect();
    let sql = format!("COPY {table} (id, a, b, c, d) FROM STDIN");
    let sent = copy_text(prober.connection, &sql, &lines.concat()).await;
    let sent = refusal(prober.connection, sent, doing)?;
    leave(prober.connection).await?;
    let select = format!("SELECT a::text, b::text, c::text, d::text FROM {table} ORDER BY id");
    let (Ok(()), Ok(replies)) = (sent, prober.run(doing, &[&select]).await?) else {
        return Ok(None);
    };
    Ok(replies.last().and_then(|reply| {
        let read = |row: usize| -> Option<[String; 4]> {
            let values: Option<Vec<String>> = reply.rows.get(row)?.iter().cloned().collect();
            values?.try_into().ok()
        };
        Some([read(0)?, read(1)?])
    }))
}

async fn copy_text(
    connection: &mut crate::wire::Connection,
    sql: &str,
    text: &str,
) -> crate::wire::Result<()> {
    let mut copy = connection.copy_in(sql).await?;
    copy.send(text.as_bytes()).await?;
    copy.finish().await?;
    Ok(())
}

async fn special_times(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let keeps = async |prober: &mut Prober<'_>, ty, values: &[&str]| -> Result<bool> {
        Ok(stored(prober, schema, ty, values).await?.as_deref() == Some(&owned(values)[..]))
    };
    let ends = ["infinity", "-infinity"];
    let infinite = keeps(prober, "timestamp", &ends).await? && keeps(prober, "date", &ends).await?;
    prober.profile.infinity = probed(infinite);
    let bc = keeps(prober, "timestamp", &["0044-03-15 00:00:00 BC"]).await?;
    prober.profile.bc = probed(bc);
    let late = keeps(prober, "timestamp", &["10001-01-01 00:00:00"]).await?;
    prober.profile.years_above_9999 = probed(late);
    let nan = keeps(prober, "double precision", &["NaN"]).await?
        && keeps(prober, "numeric", &["NaN"]).await?;
    prober.profile.nan = probed(nan);
    let deep = keeps(prober, "integer[]", &["{{1,2},{3,4}}"]).await?;
    prober.profile.multi_dimensional_arrays = probed(deep);
    Ok(())
}

/// The most digits of which every number comes back as it was stored.
async fn numerics(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    for digits in [1_000_usize, 100, 65, 38, 30, 29, 28, 27, 18, 15] {
        let number: String = "1234567890".chars().cycle().take(digits).collect();
        let (whole, fraction) = number.split_at(digits / 2);
        // A digit other than 0 at the end, so that no form drops it.
        let fraction = format!("{}7", &fraction[..fraction.len() - 1]);
        let number = format!("{whole}.{fraction}");
        let back = stored(prober, schema, "numeric", &[&number]).await?;
        if back.is_some_and(|back| back == [number]) {
            prober.profile.numeric_digits = u32::try_from(digits).ok().and_then(probed);
            break;
        }
    }
    Ok(())
}

async fn arrays_and_identities(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let table = |name| sql::qualified(schema, name);
    let create = |name, column: &str| format!("CREATE TABLE {} ({column})", table(name));
    let always = create("i1", "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
    let by_default = create(
        "i2",
        "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    );
    let in_create = prober
        .takes("identity columns", &[&always, &by_default])
        .await?;
    prober.profile.identity_in_create = probed(in_create);
    let plain = create("i3", "id bigint NOT NULL PRIMARY KEY");
    let alter = format!(
        "ALTER TABLE {} ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
        table("i3")
    );
    let by_alter = prober.takes("identity columns", &[&plain, &alter]).await?;
    prober.profile.identity_by_alter = probed(by_alter);
    Ok(())
}

/// COPY TO of a table whose name needs quotes and of a query; row locks on the way.
async fn copies(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let quoted = sql::qualified(schema, "Wire9 \"Probe\"");
    let create = format!("CREATE TABLE {quoted} (id integer PRIMARY KEY)");
    let insert = format!("INSERT INTO {quoted} VALUES (7)");
    if !prober.takes("quoted names", &[&create, &insert]).await? {
        prober.note("tables whose names need quotes could not be created");
        return Ok(());
    }
    let doing = "COPY TO of a quoted name";
    let found = copied(prober, &format!("COPY {quoted} TO STDOUT"), doing).await?;
    prober.profile.copy_to_quoted_name = probed(found.as_deref() == Some("7\n"));
    let doing = "COPY TO of a query";
    let query = format!("COPY (SELECT id FROM {quoted}) TO STDOUT");
    let found = copied(prober, &query, doing).await?;
    prober.profile.copy_query_to = probed(found.as_deref() == Some("7\n"));
    let skip = format!("SELECT id FROM {quoted} FOR UPDATE SKIP LOCKED");
    let skips = prober
        .value("FOR UPDATE SKIP LOCKED", &["BEGIN", &skip, "ROLLBACK"])
        .await?;
    prober.profile.skip_locked = probed(skips.as_deref() == Some("7"));
    Ok(())
}

/// A COPY of the size of a whole batch, rolled back: every promise about retries rests on that it
/// leaves no rows.
async fn rollback_of_copy(prober: &mut Prober<'_>, schema: &str, copy_bytes: usize) -> Result<()> {
    let table = sql::qualified(schema, "batch");
    let create = format!("CREATE TABLE {table} (id bigint PRIMARY KEY, t text)");
    if !prober.takes("a table for a COPY", &[&create]).await? {
        prober.note("a COPY could not be tried: no table could be created for it");
        return Ok(());
    }
    let doing = "a COPY that is rolled back";
    if let Err(refusal) = copy_and_roll_back(prober, &table, copy_bytes).await? {
        prober.note(format!(
            "{doing} of {copy_bytes} bytes was refused: {refusal}"
        ));
        return Ok(());
    }
    let left = format!("SELECT id FROM {table} LIMIT 1");
    if let Ok(replies) = prober.run(doing, &[&left]).await? {
        let empty = replies.iter().all(|reply| reply.rows.is_empty());
        prober.profile.copy_rolls_back = probed(empty);
        prober.profile.copy_rolled_back_bytes = u64::try_from(copy_bytes).ok().and_then(probed);
        if !empty {
            prober.note("a COPY inside BEGIN leaves rows behind after ROLLBACK");
        }
    }
    Ok(())
}

async fn copy_and_roll_back(
    prober: &mut Prober<'_>,
    table: &str,
    copy_bytes: usize,
) -> Result<Try> {
    let doing = "a COPY that is rolled back";
    let connection = &mut *prober.connection;
    let begun = connection.query("BEGIN").await;
    if let Err(refused) = refusal(connection, begun, doing)? {
        return Ok(Err(refused));
    }
    let sent = send_rows(connection, table, copy_bytes).await;
    let sent = refusal(connection, sent, doing)?;
    leave(connection).await?;
    Ok(sent.map(|()| Vec::new()))
}

/// Bytes of one CopyData message.
const FRAME: usize = 128 * 1024;

async fn send_rows(
    connection: &mut crate::wire::Connection,
    table: &str,
    bytes: usize,
) -> crate::wire::Result<()> {
    let filler = "wire9 probe ".repeat(16);
    let mut copy = connection
        .copy_in(&format!("COPY {table} (id, t) FROM STDIN"))
        .await?;
    let (mut sent, mut row) = (0, 0_u64);
    while sent < bytes {
        let mut frame = String::with_capacity(FRAME + filler.len() + 24);
        let wanted = FRAME.min(bytes - sent);
        while frame.len() < wanted {
            row += 1;
            frame.push_str(&format!("{row}\t{filler}\n"));
        }
        copy.send(frame.as_bytes()).await?;
        sent += frame.len();
    }
    copy.finish().await?;
    Ok(())
}

/// What a COPY TO answers, up to a few bytes; `None` where it is refused.
async fn copied(prober: &mut Prober<'_>, copy: &str, doing: &str) -> Result<Option<String>> {
    let connection = &mut *prober.connection;
    let read = async {
        let mut out = connection.copy_out(copy).await?;
        let mut bytes = Vec::new();
        while out.read(&mut bytes, FRAME).await? > 0 {}
        out.finish().await?;
        Ok(bytes)
    };
    let answer = read.await;
    let answer = refusal(connection, answer, doing)?;
    leave(connection).await?;
    Ok(answer.ok().and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Stores values in a column of a type and reads their text back; `None` where anything is refused.
async fn stored(
    prober: &mut Prober<'_>,
    schema: &str,
    ty: &str,
    values: &[&str],
) -> Result<Option<Vec<String>>> {
    let table = sql::qualified(schema, &format!("v{:08x}", rand::random::<u32>()));
    let rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(i, value)| format!("({i}, {})", sql::literal(value)))
        .collect();
    let create = format!("CREATE TABLE {table} (id integer PRIMARY KEY, v {ty})");
    let insert = format!("INSERT INTO {table} VALUES {}", rows.join(", "));
    let select = format!("SELECT v::text FROM {table} ORDER BY id");
    let statements = ["SET TimeZone = 'UTC'", &create, &insert, &select];
    let Ok(replies) = prober.run(&format!("values of {ty}"), &statements).await? else {
        return Ok(None);
    };
    let rows = replies.last().map(|reply| reply.rows.as_slice());
    let back: Option<Vec<String>> = rows
        .unwrap_or_default()
        .iter()
        .map(|row| row.first()?.clone())
        .collect();
    Ok(back.filter(|back| back.len() == values.len()))
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// Digits of a second's fraction in a time's text, 0 to 6; zeros at the end do not count.
fn fraction_digits(text: &str) -> u8 {
    let fraction = text.rsplit_once('.').map_or("", |(_, fraction)| fraction);
    let digits: &str = fraction
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    u8::try_from(digits.trim_end_matches('0').len().min(6)).unwrap_or(6)
}

/// What became of 23:59:59.999999; with six digits kept nothing had to become of it.
fn rounding(digits: u8, nearly: &str) -> Option<Rounding> {
    match (digits, nearly.contains("23:59:59")) {
        (6, _) => None,
        (_, true) => Some(Rounding::Cuts),
        (_, false) => Some(Rounding::Rounds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_without_zone_and_zeros() {
        for (text, digits) in [
            ("2001-02-03 04:05:06.123456", 6),
            ("2001-02-03 04:05:06.123+00", 3),
            ("2001-02-03 04:05:06.123000+05:30", 3),
            ("2001-02-03 04:05:06", 0),
            ("04:05:06.1234567", 6),
        ] {
            assert_eq!(fraction_digits(text), digits, "{text}");
        }
    }

    #[test]
    fn a_second_that_stays_was_cut_and_one_that_went_was_rounded() {
        assert_eq!(rounding(6, "2001-02-03 23:59:59.999999"), None);
        assert_eq!(rounding(3, "2001-02-03 23:59:59.999"), Some(Rounding::Cuts));
        assert_eq!(rounding(3, "2001-02-04 00:00:00"), Some(Rounding::Rounds));
    }
}
