//! Other names and types than the source's.

use std::fs;

use crate::office::office;

#[test]
fn renamed_schemas_and_tables_and_types_of_ones_own_arrive() {
    let pair = office();
    let run = pair.migrate();
    let map = run.folder().join("map.toml");
    let text = "[schemas]\nhr = \"app\"\n[tables]\n\"public.task\" = \"app.todo\"\n\
                [columns]\n\"hr.person.salary\" = { type = \"bigint\", using = \"(salary::numeric * 100)::bigint\" }\n";
    fs::write(&map, text).expect("written");
    run.args(&["--map", &map.to_string_lossy()])
        .run()
        .ends_with(0);
    let rows = [("app.department", 5), ("app.person", 40), ("app.todo", 200)];
    for (table, rows) in rows {
        assert_eq!(pair.target_rows(table), rows, "{table}");
    }
    let target = pair.target();
    let cents: i64 = target
        .query_value("SELECT sum(salary) FROM app.person")
        .expect("a sum");
    assert_eq!(cents, 102_500);
    let through_views: i64 = target
        .query_value("SELECT sum(n) FROM public.busy_count")
        .expect("the view reads the renamed tables");
    assert_eq!(through_views, 40);
    let next: i64 = target
        .query_value("INSERT INTO app.todo (person_id, title) VALUES (1, 'x') RETURNING id")
        .expect("the default takes its sequence");
    assert_eq!(next, 2_005);
}

#[test]
fn money_inet_and_ranges_arrive_in_their_own_text() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    let target = pair.target();
    let sum: String = target
        .query_value("SELECT sum(salary)::text FROM hr.person")
        .expect("a sum");
    assert_eq!(sum, "1025.00");
    let text: String = target
        .query_value("SELECT host || ' ' || busy FROM hr.person WHERE id = 7")
        .expect("a row");
    assert_eq!(text, "10.0.0.7 [7,17)");
}
