//! Colours that are names. Each is drawn in a colour of its own that no page would use, and that colour is
//! then replaced by a class of the page's style sheet.

use plotters::style::RGBColor;

use super::Colour;

/// What a stroke is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Grid,
    Axis,
    Phase,
    Shade,
    WarmUp,
    Sampled,
    Band,
    First,
    Second,
    Third,
    Fourth,
    Alarm,
    Ceiling,
}

impl Ink {
    const ALL: [Self; 14] = [
        Self::Text,
        Self::Grid,
        Self::Axis,
        Self::Phase,
        Self::Shade,
        Self::WarmUp,
        Self::Sampled,
        Self::Band,
        Self::First,
        Self::Second,
        Self::Third,
        Self::Fourth,
        Self::Alarm,
        Self::Ceiling,
    ];

    pub(super) fn of(colour: Colour) -> Self {
        match colour {
            Colour::First => Self::First,
            Colour::Second => Self::Second,
            Colour::Third => Self::Third,
            Colour::Fourth => Self::Fourth,
            Colour::Alarm => Self::Alarm,
        }
    }

    pub(super) fn colour(self) -> RGBColor {
        RGBColor(1, 2, self as u8)
    }

    /// Its class in the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Grid => "grid",
            Self::Axis => "axis",
            Self::Phase => "phase",
            Self::Shade => "shade",
            Self::WarmUp => "warm-up",
            Self::Sampled => "sampled",
            Self::Band => "band",
            Self::First => "c1",
            Self::Second => "c2",
            Self::Third => "c3",
            Self::Fourth => "c4",
            Self::Alarm => "alarm",
            Self::Ceiling => "ceiling",
        }
    }
}

/// The drawing with classes for colours, a size that the page decides, and a name for those who cannot see it.
pub(super) fn themed(svg: &str, title: &str, height: i32) -> String {
    let mut text = svg.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "");
    for ink in Ink::ALL {
        let RGBColor(r, g, b) = ink.colour();
        let colour = format!("#{r:02X}{g:02X}{b:02X}");
        for (attribute, other) in [("stroke", " fill=\"none\""), ("fill", " stroke=\"none\"")] {
            let classed = format!("class=\"{attribute} {}\"", ink.class());
            text = text.replace(&format!("{attribute}=\"{colour}\"{other}"), &classed);
            text = text.replace(&format!("{other} {attribute}=\"{colour}\""), &format!(" {classed}"));
            text = text.replace(&format!("{attribute}=\"{colour}\""), &classed);
        }
    }
    let body = text.split_once('>').map_or("", |(_, body)| body);
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let size = format!("0 0 {} {}", super::WIDTH, height);
    format!("<svg class=\"chart\" viewBox=\"{size}\" role=\"img\" aria-label=\"{title}\">{body}")
}

#[cfg(test)]
mod tests {
    use super::super::{Chart, Line, Scale, Time, Weight, draw};
    use super::*;

    #[test]
    fn a_drawing_holds_no_colour_and_no_size_of_its_own() {
        let line = |colour, weight| Line {
            label: "a".into(),
            colour,
            weight,
            segments: vec![vec![(0.0, 1.0), (5.0, 3.0)], vec![(7.0, 2.0)]],
        };
        let chart = Chart {
            title: "Things & <more>".into(),
            note: None,
            scale: Scale::Count,
            lines: vec![line(Colour::First, Weight::Strong), line(Colour::Alarm, Weight::Dots)],
        };
        let time =
            Time { zero_s: 0.0, end_s: 10.0, shades: vec![(2.0, 3.0)], phases: vec![("hold".into(), 1.0)] };
        let svg = draw(&chart, &time);
        assert!(!svg.contains('#') && !svg.contains("width=\"1200\""), "{svg}");
        assert!(svg.contains("aria-label=\"Things &amp; &lt;more>\""), "{svg}");
        for class in ["\"stroke c1\"", "\"fill alarm\"", "\"fill shade\"", "\"stroke grid\"", "\"fill text\""]
        {
            assert!(svg.contains(class), "{class} in {svg}");
        }
        assert_eq!(svg.matches("class=").count(), svg.matches('<').count() - svg.matches("</").count());
    }
}
