//! What people and build servers read.

use std::path::Path;

use evidence::gate::Op;
use evidence::layout;

use crate::fixture::{Fixture, gate};

fn rendered(fixture: &Fixture) -> tempfile::TempDir {
    let run = fixture.write();
    reports::render(run.path()).unwrap();
    run
}

fn text(run: &Path, file: layout::File) -> String {
    std::fs::read_to_string(file.within(run)).unwrap()
}

#[test]
fn the_terminal_shows_the_reason_and_the_worst_gate_first() {
    insta::assert_snapshot!(reports::terminal(&Fixture::troubled().judged(), None), @r##"
    NO-GO  one-of-two  10.4 s, seed 7
    delivery.rate >= 99.9%: 99.1 % is not >= 99.9 % (and 3 more of 8 gates)

      outcome       gate                               measured  limit                  n
      NO-GO         delivery.rate >= 99.9%               99.1 %  >= 99.9 %         10,000
      NO-GO         messages.lost == 0                        3  == 0              10,000
      NO-GO         round.time.p99 < 50ms during hold  ≥ 290 ms  < 50 ms              380
      NO-GO         round.time.max < 20ms              ≥ 320 ms  < 20 ms              480
      INCONCLUSIVE  recovery.time.p99 < 1s               778 ms  < 1 s                  2
      CONDITIONAL   response.time.p99 < 3ms             3.98 ms  < 3 ms / < 50 ms  10,001
      GO            recovery.time.max < 1s               778 ms  < 1 s                  2
      GO            memory.private.max[worker] < 1MiB   204 KiB  < 1 MiB                9

    faults
      proven  1  SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.40 ms
      proven  2  SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 778 ms
    "##);
}

#[test]
fn on_a_terminal_of_80_columns_reasons_hang_and_no_line_of_a_table_is_broken() {
    let mut fixture = Fixture::troubled();
    fixture.manifest.rehearsal = Some(240.0);
    fixture.manifest.gates.push(gate("memory.private.max[coordinator] < 204KiB during hold", Op::Less, 2e5));
    let verdict = fixture.judged();
    let shown = reports::terminal(&verdict, Some(80));
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    insta::assert_snapshot!(shown, @r##"
    REHEARSAL  one-of-two  10.4 s, seed 7
    this is a rehearsal, 240 times faster than planned: it shows that the scenario
      works, not that the target does; 3 of 9 gates would hold
    REHEARSAL, 240 times faster than planned: never GO

      outcome       gate                             measured  limit           n
      NO-GO         delivery.rate >= 99.9%             99.1 %  >= 99.9 %  10,000
      NO-GO         messages.lost == 0                      3  == 0       10,000
      NO-GO         round.time.p99 < 50ms during     ≥ 290 ms  < 50 ms       380
                    hold
      NO-GO         round.time.max < 20ms            ≥ 320 ms  < 20 ms       480
      NO-GO         memory.private.max[coordinator]   203 KiB  < 195 KiB       6
                    < 204KiB during hold
      INCONCLUSIVE  recovery.time.p99 < 1s             778 ms  < 1 s           2
      CONDITIONAL   response.time.p99 < 3ms           3.98 ms  < 3 ms /   10,001
                                                               < 50 ms
      GO            recovery.time.max < 1s             778 ms  < 1 s           2
      GO            memory.private.max[worker]        204 KiB  < 1 MiB         9
                    < 1MiB

    evidence
      INCONCLUSIVE  rehearsal  this is a rehearsal, 240 times faster than planned:
                               it shows that the scenario works, not that the target
                               does

    faults
      proven  1  SIGKILL to 1 coordinator, in the  reassigned 2 ms, steady 2.40 ms
                 middle of a round
      proven  2  SIGKILL to 1 coordinator, in the  reassigned 2 ms, steady 778 ms
                 middle of a round
    "##);
    let whole = reports::terminal(&verdict, None);
    assert_eq!(whole.lines().nth(1).unwrap(), verdict.why, "where there is no terminal a reason is one line");
}

#[test]
fn the_terminal_shows_a_run_that_is_go() {
    insta::assert_snapshot!(reports::terminal(&Fixture::calm().judged(), None), @r##"
    GO  one-of-two  10.4 s, seed 7
    all 5 gates hold; faults: 1 of 1 proven

      outcome  gate                               measured  limit           n
      GO       delivery.rate >= 99.9%                100 %  >= 99.9 %  10,000
      GO       messages.lost == 0                        0  == 0       10,000
      GO       round.time.p99 < 50ms during hold   4.60 ms  < 50 ms       400
      GO       recovery.time.max < 1s              22.6 ms  < 1 s           1
      GO       memory.private.max[worker] < 1MiB   204 KiB  < 1 MiB        11

    faults
      proven  1  SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 22.6 ms
    "##);
}

#[test]
fn the_terminal_marks_a_rehearsal() {
    let mut fixture = Fixture::long();
    fixture.manifest.rehearsal = Some(240.0);
    insta::assert_snapshot!(reports::terminal(&fixture.judged(), None), @r##"
    REHEARSAL  one-of-two  33.4 min, seed 7
    this is a rehearsal, 240 times faster than planned: it shows that the scenario works, not that the target does; 5 of 5 gates would hold
    REHEARSAL, 240 times faster than planned: never GO

      outcome  gate                               measured  limit           n
      GO       delivery.rate >= 99.9%                100 %  >= 99.9 %  10,000
      GO       messages.lost == 0                        0  == 0       10,000
      GO       round.time.p99 < 50ms during hold   4.60 ms  < 50 ms    99,900
      GO       recovery.time.max < 1s              22.6 ms  < 1 s         300
      GO       memory.private.max[worker] < 1MiB   204 KiB  < 1 MiB     2,001

    evidence
      INCONCLUSIVE  rehearsal  this is a rehearsal, 240 times faster than planned: it shows that the scenario works, not that the target does

    faults, unproven and slowest first
      proven  1        SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 22.6 ms
      proven  raid.1   SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      proven  raid.3   SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      proven  raid.5   SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      proven  raid.7   SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      proven  raid.9   SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      proven  raid.11  SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      proven  raid.13  SIGKILL to 1 coordinator, in the middle of a round  reassigned 2 ms, steady 2.20 ms
      and 292 more in the report
    "##);
}

#[test]
fn the_markdown_report_holds_everything_but_the_charts() {
    let run = rendered(&Fixture::troubled());
    insta::assert_snapshot!(text(run.path(), layout::REPORT_MD));
}

#[test]
fn a_build_server_sees_a_failure_for_no_go_and_an_error_for_inconclusive() {
    let run = rendered(&Fixture::troubled());
    insta::assert_snapshot!(text(run.path(), layout::JUNIT), @r##"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="shakedown" tests="14" skipped="0" failures="4" errors="1">
        <testsuite name="one-of-two" tests="14" skipped="0" errors="1" failures="4" time="10.450">
            <properties>
                <property name="verdict" value="NO-GO"/>
                <property name="why" value="delivery.rate &gt;= 99.9%: 99.1 % is not &gt;= 99.9 % (and 3 more of 8 gates)"/>
                <property name="run" value="20260412T101112Z-7"/>
                <property name="seed" value="7"/>
                <property name="rehearsal" value="false"/>
            </properties>
            <testcase name="delivery.rate &gt;= 99.9%" classname="one-of-two.gates">
                <failure message="99.1 % is not &gt;= 99.9 %" type="NO-GO"/>
            </testcase>
            <testcase name="messages.lost == 0" classname="one-of-two.gates">
                <failure message="3 is not == 0" type="NO-GO"/>
            </testcase>
            <testcase name="round.time.p99 &lt; 50ms during hold" classname="one-of-two.gates">
                <failure message="≥ 290 ms (260 ms – ?) is not &lt; 50 ms" type="NO-GO"/>
            </testcase>
            <testcase name="round.time.max &lt; 20ms" classname="one-of-two.gates">
                <failure message="≥ 320 ms (320 ms – ?) is not &lt; 20 ms" type="NO-GO"/>
            </testcase>
            <testcase name="recovery.time.p99 &lt; 1s" classname="one-of-two.gates">
                <error message="778 ms may or may not be &lt; 1 s; it rests on 2 faults and needs at least 299: 297 more" type="INCONCLUSIVE"/>
            </testcase>
            <testcase name="response.time.p99 &lt; 3ms" classname="one-of-two.gates">
                <system-out>CONDITIONAL: 3.98 ms (3.97 ms – 3.98 ms) is not proven &lt; 3 ms, but is &lt; 50 ms</system-out>
            </testcase>
            <testcase name="recovery.time.max &lt; 1s" classname="one-of-two.gates">
                <system-out>GO: 778 ms is &lt; 1 s</system-out>
            </testcase>
            <testcase name="memory.private.max[worker] &lt; 1MiB" classname="one-of-two.gates">
                <system-out>GO: 204 KiB is &lt; 1 MiB</system-out>
            </testcase>
            <testcase name="ending" classname="one-of-two.coverage">
                <system-out>GO: by its plan</system-out>
            </testcase>
            <testcase name="faults" classname="one-of-two.coverage">
                <system-out>GO: 2 of 2 proven</system-out>
            </testcase>
            <testcase name="driver" classname="one-of-two.coverage">
                <system-out>GO: all that was due was started, at most 600 µs late</system-out>
            </testcase>
            <testcase name="records" classname="one-of-two.coverage">
                <system-out>GO: 0 records dropped</system-out>
            </testcase>
            <testcase name="drain" classname="one-of-two.coverage">
                <system-out>GO: barrier passed in 40 ms</system-out>
            </testcase>
            <testcase name="samples" classname="one-of-two.coverage">
                <system-out>GO: 100 % of ticks in time, widest gap 3.0 intervals</system-out>
            </testcase>
        </testsuite>
    </testsuites>
    "##);
}

#[test]
fn every_verdict_fits_the_published_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/verdict.schema.json");
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut crashed = Fixture::troubled();
    crashed.end = None;
    let mut rehearsal = Fixture::calm();
    rehearsal.manifest.rehearsal = Some(12.5);
    for fixture in [Fixture::calm(), Fixture::foreign(), Fixture::troubled(), crashed, rehearsal] {
        let bytes = reports::verdict_json(&fixture.judged());
        let verdict: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(&verdict).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(problems, [""; 0]);
    }
}

#[test]
fn the_same_directory_gives_the_same_bytes_again() {
    let run = rendered(&Fixture::troubled());
    let files = [layout::VERDICT, layout::REPORT_HTML, layout::REPORT_MD, layout::JUNIT];
    let first = files.map(|file| text(run.path(), file));
    files.iter().for_each(|file| std::fs::remove_file(file.within(run.path())).unwrap());
    reports::render(run.path()).unwrap();
    assert!(first == files.map(|file| text(run.path(), file)));
    let left: Vec<_> = std::fs::read_dir(run.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn a_directory_that_is_no_run_is_refused_with_the_file_that_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let error = reports::render(empty.path()).unwrap_err().to_string();
    assert!(error.starts_with("could not read ") && error.contains("manifest.json"), "{error}");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let run = Fixture::calm().write();
    std::fs::create_dir(layout::REPORT_MD.within(run.path())).unwrap();
    let error = reports::render(run.path()).unwrap_err().to_string();
    assert!(error.starts_with("could not write ") && error.contains("report.md"), "{error}");
}

#[test]
fn the_page_needs_nothing_but_itself_and_every_tag_is_closed() {
    for fixture in [Fixture::calm(), Fixture::foreign(), Fixture::troubled()] {
        let run = rendered(&fixture);
        let page = text(run.path(), layout::REPORT_HTML);
        for outside in ["<script", "<link", "<img", "src=", "url(", "@import", "http:", "https:", "#0102"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("name=\"viewport\"") && page.contains("prefers-color-scheme:dark"));
        assert_eq!(unclosed(&page), [""; 0]);
    }
}

/// Elements that were opened and not closed, or closed and not opened.
fn unclosed(page: &str) -> Vec<String> {
    const EMPTY: [&str; 8] = ["meta", "line", "rect", "polyline", "circle", "polygon", "br", "!DOCTYPE"];
    let mut open: Vec<String> = Vec::new();
    let style = page.find("<style>").unwrap()..page.find("</style>").unwrap();
    let page = format!("{}<style>{}", &page[..style.start], &page[style.end..]);
    for tag in page.split('<').skip(1) {
        let name: String = tag.chars().take_while(|c| c.is_alphanumeric() || "/!".contains(*c)).collect();
        if let Some(closed) = name.strip_prefix('/') {
            if open.pop().as_deref() != Some(closed) {
                return vec![format!("</{closed}>")];
            }
        } else if !EMPTY.contains(&name.as_str()) && !tag.split('>').next().unwrap().ends_with('/') {
            open.push(name);
        }
    }
    open
}

#[test]
fn the_page_says_the_verdict_first_and_the_worst_gate_next() {
    let run = rendered(&Fixture::troubled());
    let page = text(run.path(), layout::REPORT_HTML);
    let order = [
        "<h1>NO-GO</h1>",
        "delivery.rate &gt;= 99.9%: 99.1 % is not &gt;= 99.9 %",
        "<h2>Gates</h2>",
        "chip no-go",
        "chip inconclusive",
        "chip conditional",
        "chip go",
        "<h2>Coverage</h2>",
        "<h2>Faults</h2>",
        "wait status",
        "<h2>Over time</h2>",
        "Faults at work",
        "Response time of tasks",
        "Time of each round",
        "Delivery",
        "Private memory of a process",
        "Open descriptors of a process",
        "Private memory of the harness",
        "<h2>How to reproduce it</h2>",
        "shakedown run &#39;scenarios/chaos/one of two.yaml&#39; --seed 7",
        "<h2>Raw files</h2>",
    ];
    let order = order.map(|text| text.replace("&#39;", "'"));
    let mut from = 0;
    for text in &order {
        let at = page[from..].find(text.as_str());
        from += at.unwrap_or_else(|| panic!("{text} comes in its place"));
    }
    let over_time = page.split("<h2>Over time</h2>").nth(1).unwrap();
    assert_eq!(over_time.matches("<figure>").count(), 8);
}

#[test]
fn faults_are_shaded_and_gaps_stay_gaps_on_every_chart_over_time() {
    let run = rendered(&Fixture::troubled());
    let page = text(run.path(), layout::REPORT_HTML);
    let charts: Vec<&str> = page
        .split("<h2>Over time</h2>")
        .nth(1)
        .unwrap()
        .split("<svg")
        .skip(1)
        .map(|svg| svg.split("</svg>").next().unwrap())
        .collect();
    assert_eq!(charts.len(), 8, "the lanes first, and the balance last");
    for chart in &charts[..7] {
        assert_eq!(chart.matches("fill shade").count(), 2, "one for each fault");
    }
    let rounds = charts[2].matches("polyline class=\"stroke c1\"").count();
    assert_eq!(rounds, 2, "the hole in the rounds parts the line");
}

#[test]
fn the_balance_of_the_coordinators_is_drawn_where_it_is_known() {
    let whole = rendered(&Fixture::unhurt());
    assert!(text(whole.path(), layout::REPORT_HTML).contains("Tasks handled by each coordinator"));
    let killed = rendered(&Fixture::calm());
    assert!(text(killed.path(), layout::REPORT_HTML).contains("1 (left)"));
    let foreign = rendered(&Fixture::foreign());
    assert!(!text(foreign.path(), layout::REPORT_HTML).contains("Tasks handled"));
}

#[test]
fn a_long_run_with_many_faults_still_makes_a_small_page() {
    let run = rendered(&Fixture::long());
    let page = text(run.path(), layout::REPORT_HTML);
    assert!(page.len() < 512 << 10, "{} bytes", page.len());
    assert!(page.contains("And 260 more in verdict.json"), "the rest of the faults is counted");
}

#[test]
fn words_of_the_scenario_cannot_break_the_page() {
    let mut fixture = Fixture::calm();
    fixture.manifest.why = "</main><script>alert(1)</script> | *a*".into();
    fixture.manifest.gates[0].id = "<b>&\"bold\" | gate".into();
    let run = rendered(&fixture);
    let page = text(run.path(), layout::REPORT_HTML);
    assert!(!page.contains("<script") && !page.contains("<b>&"), "escaped");
    assert_eq!(unclosed(&page), [""; 0]);
    let markdown = text(run.path(), layout::REPORT_MD);
    assert!(markdown.contains("&lt;b>&\"bold\" \\| gate"), "{markdown}");
    assert!(text(run.path(), layout::JUNIT).contains("&lt;b&gt;&amp;"));
}

/// The rule of WCAG 2: the relative luminance of the two, at least 4.5 to 1 for text.
#[test]
fn every_colour_of_text_is_legible_in_the_light_and_in_the_dark() {
    let style = include_str!("../../src/report/page/style.css");
    let (light, dark) = style.split_once("prefers-color-scheme:dark").unwrap();
    for theme in [light, dark] {
        let colour = |name: &str| {
            let hex = theme.split_once(&format!("--{name}:#")).unwrap().1;
            let hex: String = hex.chars().take_while(char::is_ascii_hexdigit).collect();
            let hex = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex };
            luminance(u32::from_str_radix(&hex, 16).unwrap())
        };
        for text in ["ink", "soft", "go", "conditional", "inconclusive", "no-go", "c1"] {
            for ground in ["paper", "card"] {
                let (a, b) = (colour(text), colour(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
            }
        }
    }
}

fn luminance(rgb: u32) -> f64 {
    let part = |shift: u32| {
        let value = f64::from((rgb >> shift) & 0xff) / 255.0;
        if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}
