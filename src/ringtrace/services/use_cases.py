"""Everything a door may call, put together once by the bootstrap."""

from dataclasses import dataclass

from ringtrace.services.apply_setup import ApplyTheSetup
from ringtrace.services.change_recipients import ChangeRecipients
from ringtrace.services.correct_call import CorrectCall
from ringtrace.services.directory import Directory
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.services.keep_recording import KeepRecording, RecordingLinks
from ringtrace.services.keep_sound import KeepTheSound, SoundLinks
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.list_callers import KeepTheList
from ringtrace.services.mark_spam import MarkTheSpam
from ringtrace.services.occupy_target import OccupyTarget
from ringtrace.services.open_account import IssueToken, OpenTheAccount, SignIn
from ringtrace.services.ports import Clock, Store
from ringtrace.services.reattribute import Reattribute
from ringtrace.services.record_call import RecordCall
from ringtrace.services.recording_store import RecordingStore
from ringtrace.services.report_calibration import ReportCalibration
from ringtrace.services.route_call import RouteCall
from ringtrace.services.tag_call import TagCall
from ringtrace.services.track_hit import TrackHit
from ringtrace.services.unsubscribing import UnsubscribeLinks
from ringtrace.services.write_off_calls import WriteOffCalls


@dataclass(frozen=True, slots=True)
class UseCases:
    store: Store
    clock: Clock
    directory: Directory
    gateway_signs: GatewaySigns
    track_hit: TrackHit
    route_call: RouteCall
    record_call: RecordCall
    occupy_target: OccupyTarget
    write_off_calls: WriteOffCalls
    keep_recording: KeepRecording
    recording_links: RecordingLinks
    keep_sound: KeepTheSound
    sound_links: SoundLinks
    apply_setup: ApplyTheSetup
    open_account: OpenTheAccount
    issue_token: IssueToken
    sign_in: SignIn
    learn_models: LearnModels
    correct_call: CorrectCall
    change_recipients: ChangeRecipients
    unsubscribe_links: UnsubscribeLinks
    tag_call: TagCall
    reattribute: Reattribute
    report_calibration: ReportCalibration
    recordings: RecordingStore
    keep_list: KeepTheList
    mark_spam: MarkTheSpam
