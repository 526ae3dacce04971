//! Where unsolicited reports may come.

use super::{Module, Phase};
use crate::config::Reports;
use crate::fault::ReportPlace;
use crate::reply::urc::Urc;
use crate::serial::framer::content_len;
use crate::sys::SYSMSG_LINK_CONN;
use crate::time::Duration;
use crate::timers::Timer;

/// The silence that reports keep after a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Gap {
    #[default]
    None,
    /// The result is still on its way through the UART.
    Sending,
    /// `Timer::ReportGap` is running.
    Running,
}

impl Gap {
    pub(super) fn end(&mut self) {
        *self = Self::None;
    }
}

impl Module {
    /// Whether a report may come now.
    pub(super) fn may_report(&self) -> bool {
        let line_holds = !self.intake.framer.is_empty() && !self.intake.line_is_stale;
        let is_idle = self.running.is_none() || self.state.net.long_send.held.is_some();
        self.phase == Phase::Ready
            && is_idle
            && !line_holds
            && self.gap == Gap::None
            && self.state.faults.reports.is_none()
    }

    /// A result went out: the next report keeps its distance.
    pub(super) fn begin_report_gap(&mut self) {
        let cx = self.state.cx(self.now);
        if cx.env.delay(cx.env.profile().delays.report_gap) > Duration::ZERO {
            cx.env.timers.stop(Timer::ReportGap);
            self.gap = Gap::Sending;
        }
    }

    /// Prints the reports that may come now.
    pub(super) fn flush_reports(&mut self) {
        if self.gap == Gap::Sending && self.state.out.unsent() == 0 {
            self.gap = Gap::Running;
            let mut cx = self.state.cx(self.now);
            let gap = cx.env.profile().delays.report_gap;
            cx.env.set_timer(Timer::ReportGap, gap);
        }
        if self.is_in_passthrough() {
            self.gap.end();
            self.flush_passthrough_reports();
        } else if self.may_report() {
            self.print_reports();
        }
        if self.state.out.reports.is_empty() {
            self.reports_since = None;
        } else if self.reports_since.is_none() {
            self.reports_since = Some(self.now);
        }
    }

    pub(super) fn on_report_gap_end(&mut self) {
        self.gap.end();
        self.flush_reports();
        self.resume_backlog();
    }

    /// Whether the next line has to wait for a report. A host MCU that asks on and on would otherwise never hear of anything,
    /// while a real module reports between its commands within moments.
    pub(super) fn owes_report(&self) -> bool {
        let patience = self.state.config.profile.delays.report_patience;
        self.gap != Gap::None
            && self.intake.framer.is_empty()
            && self
                .reports_since
                .is_some_and(|since| self.now >= since + patience)
    }

    /// A moment in the middle of something, where a fault or chance may want a report.
    #[inline]
    pub(super) fn report_moment(&mut self, place: ReportPlace) {
        self.fault_place(place);
        self.report_place();
    }

    /// The moment to which a fault holds the reports.
    #[inline]
    pub(super) fn fault_place(&mut self, place: ReportPlace) {
        if self.state.faults.reports == Some(place) {
            self.put_reports();
        }
    }

    /// All reports that wait come; if there were any, the fault is over.
    #[cold]
    fn put_reports(&mut self) {
        let waiting = self.state.out.reports.len();
        if self.phase == Phase::Ready {
            self.print_reports();
        }
        if self.state.out.reports.len() < waiting {
            self.state.faults.reports = None;
        }
    }

    /// A place where real modules were seen to report in the middle of something: chance decides. What comes while the host MCU
    /// types its payload comes after the `>`.
    pub(super) fn report_place(&mut self) {
        if self.intake.payload.is_some() {
            self.fault_place(ReportPlace::AfterPrompt);
        }
        if self.state.config.reports == Reports::Anywhere
            && self.phase == Phase::Ready
            && self.state.faults.reports.is_none()
            && !self.state.out.reports.is_empty()
            && self.state.rng.one_in(2)
        {
            self.print_reports();
        }
    }

    /// Where a report cuts the echo of a line; at its end for nowhere. A fault's report stands before the line's end,
    /// so that the host MCU reads `AT+CIPCLOSE=0` and `+LINK_CONN` in one line.
    pub(super) fn echo_cut(&mut self, line: &[u8]) -> usize {
        let len = line.len();
        let has_reports = !self.state.out.reports.is_empty();
        if self.state.faults.reports == Some(ReportPlace::InsideEcho) && has_reports {
            return content_len(line);
        }
        let cut = self.state.config.reports == Reports::Anywhere
            && has_reports
            && self.state.faults.reports.is_none()
            && self.state.rng.one_in(2);
        if !cut {
            return len;
        }
        let places = u64::try_from(len.max(2) - 1).unwrap_or(1);
        usize::try_from(1 + self.state.rng.below(places))
            .unwrap_or(len)
            .min(len)
    }

    /// Prints the reports in their order, as many as there is room for: the host MCU may not be reading.
    pub(super) fn print_reports(&mut self) {
        while self.state.cx(self.now).env.has_room_for_ipd()
            && let Some(urc) = self.state.out.reports.pop_front()
        {
            self.print_report(urc);
        }
    }

    pub(super) fn print_report(&mut self, urc: Urc) {
        let mut cx = self.state.cx(self.now);
        let link_conn = cx.nvs.live.sysmsg & SYSMSG_LINK_CONN != 0;
        match urc {
            Urc::Data(id) => cx.net.print_data(&mut cx.env, id),
            Urc::Unread(id) => cx.net.print_unread(&mut cx.env, id),
            Urc::Closed(id) => {
                cx.env.out.report(urc, cx.net.multi, link_conn);
                cx.net.retire(&mut cx.env, id);
            }
            Urc::WifiConnected
            | Urc::WifiGotIp
            | Urc::WifiGotIp6Local
            | Urc::WifiGotIp6Global
            | Urc::WifiDisconnect
            | Urc::Connect(_)
            | Urc::SegmentSent(..)
            | Urc::SegmentsLost(_)
            | Urc::StationJoined(_)
            | Urc::StationGotIp(..)
            | Urc::StationLeft(_)
            | Urc::TimeUpdated
            | Urc::Upgrade(_) => cx.env.out.report(urc, cx.net.multi, link_conn),
        }
    }
}
