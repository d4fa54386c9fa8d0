//! The two forms of the text, and which of them is answered.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Prometheus text 0.0.4: every program that reads metrics knows it.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl MetricsFormat {
    /// By the header `Accept`: OpenMetrics where it is preferred to all else.
    pub(crate) fn accepted(accept: Option<&str>) -> Self {
        let ranges: Vec<MediaRange<'_>> =
            accept.unwrap_or_default().split(',').map(MediaRange::parse).collect();
        let best = |is_it: fn(&MediaRange<'_>) -> bool| {
            let those = ranges.iter().filter(|range| is_it(range));
            those.map(|range| range.quality).fold(0.0, f64::max)
        };
        let open = best(|range| range.is_open_metrics());
        match open > 0.0 && open >= best(|range| range.is_text()) {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }

    /// `Content-Type` of the answer.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// One entry of `Accept` (RFC 9110, 12.5.1).
struct MediaRange<'a> {
    name: &'a str,
    version: Option<&'a str>,
    quality: f64,
}

impl<'a> MediaRange<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut range =
            Self { name: parts.next().unwrap_or_default(), version: None, quality: 1.0 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim() {
                "q" => range.quality = value.trim().parse().unwrap_or(0.0),
                "version" => range.version = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        range
    }

    fn is_open_metrics(&self) -> bool {
        self.name.eq_ignore_ascii_case("application/openmetrics-text")
            && matches!(self.version, None | Some("1.0.0" | "0.0.1"))
    }

    fn is_text(&self) -> bool {
        self.name.eq_ignore_ascii_case("text/plain")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_answered_where_it_is_preferred_and_otherwise_the_text_all_can_read() {
        let open =
            |accept: &str| MetricsFormat::accepted(Some(accept)) == MetricsFormat::OpenMetrics;
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                          version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert!(open(prometheus));
        assert!(open("application/openmetrics-text"));
        assert!(open("text/plain;q=0.5, Application/OpenMetrics-Text; version=\"1.0.0\"; q=0.5"));
        for other in [
            "",
            "*/*",
            "text/html,application/xhtml+xml;q=0.9",
            "text/plain, application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=much",
            "application/openmetrics-text;version=2.0.0",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        ] {
            assert!(!open(other), "{other}");
        }
        assert_eq!(MetricsFormat::accepted(None), MetricsFormat::Text);
    }
}
