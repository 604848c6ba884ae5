//! Ceilings in the charts of drift: the level that a gate allows.

use evidence::gate::{Gate, Op};

use crate::fixture::gate;
use crate::soak::{STEADY, drift_section, soak};

const MIB: f64 = 1024.0 * 1024.0;

/// The card of a series of the steady soak, whose processes hold 40 MiB each, under these gates; and the legend.
fn card(title: &str, gates: Vec<Gate>) -> (String, String) {
    let mut fixture = soak(&STEADY);
    fixture.manifest.gates = gates;
    let (section, _) = drift_section(&fixture);
    let legend = section.split("class=\"legend\"").nth(1).unwrap().split("</p>").next().unwrap();
    let mut figures = section.split("<figure class=\"drift").skip(1);
    let card = figures.find(|figure| figure.contains(&format!("<b>{title}</b>"))).unwrap();
    (card.split("</figure>").next().unwrap().to_owned(), legend.to_owned())
}

/// What the card says of its ceiling, without tags.
fn said(card: &str) -> Option<String> {
    let asked = card.split("<p class=\"asks\">").skip(1).map(|p| p.split("</p>").next().unwrap());
    let plain = |p: &str| p.split('<').map(|part| part.rsplit('>').next().unwrap()).collect::<String>();
    asked.map(plain).find(|text| text.contains("ceiling"))
}

const DRAWN: &str = "class=\"stroke ceiling\"";

#[test]
fn a_ceiling_that_is_near_is_drawn_and_one_that_is_far_is_told() {
    let under = |limit: f64| {
        let id = format!("memory.private.max[worker] < {limit}MiB");
        let (card, legend) = card("Private memory per worker", vec![gate(&id, Op::Less, limit * MIB)]);
        assert_eq!(card.contains(DRAWN), legend.contains("level at which a gate turns"));
        (card.contains(DRAWN), said(&card).unwrap())
    };
    insta::assert_debug_snapshot!([under(42.0), under(512.0), under(39.9), under(30.0)], @r#"
    [
        (
            true,
            "GO memory.private.max[worker] &lt; 42MiB: ceiling 42 MiB, 1.05 × what was reached (40.0 MiB)",
        ),
        (
            false,
            "GO memory.private.max[worker] &lt; 512MiB: ceiling 512 MiB, 12.8 × what was reached (40.0 MiB)",
        ),
        (
            true,
            "NO-GO memory.private.max[worker] &lt; 39.9MiB: ceiling 39.9 MiB, exceeded: 40.0 MiB was reached",
        ),
        (
            false,
            "NO-GO memory.private.max[worker] &lt; 30MiB: ceiling 30 MiB, exceeded: 40.0 MiB was reached",
        ),
    ]
    "#);
}

#[test]
fn of_several_ceilings_the_lowest_is_drawn_where_it_holds() {
    let gates = || {
        vec![
            gate("memory.private.max < 44MiB", Op::Less, 44.0 * MIB),
            gate("memory.private.max[worker] < 42MiB", Op::Less, 42.0 * MIB),
            gate("memory.private.max[master] < 41MiB", Op::Less, 41.0 * MIB),
            gate("memory.rss.max < 1MiB", Op::Less, MIB),
        ]
    };
    for (series, ceiling) in [
        ("Private memory per process", "memory.private.max &lt; 44MiB"),
        ("Private memory per worker", "memory.private.max[worker] &lt; 42MiB"),
        ("Private memory per coordinator", "memory.private.max &lt; 44MiB"),
    ] {
        let (card, _) = card(series, gates());
        assert!(said(&card).unwrap().contains(ceiling), "{series}: {:?}", said(&card));
    }
    assert_eq!(said(&card("Threads per worker", gates()).0), None);
}

#[test]
fn a_series_without_a_ceiling_has_none_on_its_card() {
    let (card, legend) = card("Private memory per worker", vec![gate("messages.lost == 0", Op::Equal, 0.0)]);
    assert!(!card.contains("ceiling") && !legend.contains("ceiling"), "{card}");
}
