"""The worker of image jobs: each ends in a result, a retry or a dead letter."""

import errno
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import KeysLost, Undecodable
from domain.asset.commands import ConfirmAsset, PublishAsset
from domain.asset.jobs import FailedAttempt, ImageJob
from domain.failures import is_transient
from infra.errors import BlobNotFound, RecordRefused, StoreUnavailable, ViewNotBuilt, ViewsMissing
from infra.failpoints import pass_by
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import ASSET_COMMANDS, IMAGE_JOBS_DEAD_LETTERS, Topic
from streams.ingestion.fetcher import FetchFailed
from streams.ingestion.worker.duplicate_finder import IsDuplicate
from streams.ingestion.worker.fault_breaker import FaultBreaker
from streams.ingestion.worker.job_slots import HostBusy, JobSlots
from streams.ingestion.worker.result_commands import JobFailure, delay_command, reject_command
from streams.ingestion.worker.worker_metrics import WorkerMetrics
from streams.rendering import RenderFailed
from streams.runtime.dead_letter_queue import send_dead_letter
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.retry_policy import RetryPolicy

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})

log = logging.getLogger(__name__)


class JobRunner(Protocol):
    """What carries out one job."""

    async def run(self, job: ImageJob) -> PublishAsset | ConfirmAsset:
        """Give the command that ends the run well, or raise why there is none."""


class JobPostponed(Exception):
    """The job could not be tried, and that is not its fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Success:
    """How a run ended well, and the command that says so, spelled."""

    name: str
    command: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Ends every job it is given."""

    runs: JobRunner
    sender: RecordSender
    slots: JobSlots
    faults: FaultBreaker
    policy: RetryPolicy
    metrics: WorkerMetrics
    clock: Callable[[], datetime]

    async def work(self, record: Record) -> None:
        """Return once what became of the job is durable; raises only cancellation and KeysLost.

        A good run sends PublishAsset, or ConfirmAsset when there is nothing new. A bad one sends
        DelayAsset and waits in a retry tier, or sends RejectAsset when another try could not help
        or was the last. What cannot be read as a job, a job on which our own code failed to the
        last, and one whose result cannot be written, becomes a dead letter. A job whose asset was
        erased is dropped. While the broker is away it is tried again and again.
        """
        job = _job_in(record)
        if isinstance(job, Undecodable):
            await self._dead_letter(record, "undecodable", str(job))
        elif job.source is None and job.original is None:
            log.info("job %s: its asset was erased", job.job_id)
        else:
            try:
                await self._end(record, job)
            except KeysLost:
                raise
            except Exception as error:  # one job must not stop those behind it
                log.exception("job %s cannot be ended", job.job_id)
                await self._give_up(record, job, error)
        pass_by("worker.after_emit_before_ack")

    async def _end(self, record: Record, job: ImageJob) -> None:
        try:
            async with self.slots.hold(job), self.faults.attempt(job.tenant_id) as ended:
                started = time.monotonic()
                outcome = await self._try(job)
                ended(outcome.code if isinstance(outcome, JobFailure) else None)
                seconds = time.monotonic() - started
        except (HostBusy, JobPostponed) as reason:
            log.warning("job %s is postponed: %s", job.job_id, reason)
            self.metrics.count("put_off")
            now = self.clock()
            await self._hold(job, self.policy.postponed_until(now, _jitter()), now)
            return
        if isinstance(outcome, JobFailure):
            self.metrics.count(outcome.code, seconds)
            await self._settle(record, job, outcome)
        else:
            self.metrics.count(outcome.name, seconds)
            await self._send(ASSET_COMMANDS, job.asset_id, outcome.command)

    async def _give_up(self, record: Record, job: ImageJob, error: Exception) -> None:
        """Bury a job whose result cannot be written, and end its run."""
        await self._dead_letter(record, "internal", f"{type(error).__name__}: {error}")
        failure = JobFailure(
            code="internal", detail="what came of it cannot be written", is_transient=False
        )
        try:
            command = encode(reject_command(job, failure, self.clock()))
            await self._send(ASSET_COMMANDS, job.asset_id, command)
        except RecordRefused as refused:  # the dead letter is all that can be written of it
            log.error("job %s: %s", job.job_id, refused)  # noqa: TRY400 - that says it all

    async def _try(self, job: ImageJob) -> _Success | JobFailure:
        """Carry a job out and spell its result; what cannot be spelled is our fault too."""
        try:
            command = await self.runs.run(job)
            name = "published" if isinstance(command, PublishAsset) else "confirmed"
            return _Success(name=name, command=encode(command))
        except (FetchFailed, RenderFailed) as error:
            return JobFailure(
                code=error.code,
                detail=error.detail,
                is_transient=error.is_transient,
                retry_after_seconds=getattr(error, "retry_after_seconds", None),
            )
        except IsDuplicate as error:
            return JobFailure(
                code="duplicate",
                detail=str(error),
                is_transient=False,
                duplicate_of=error.duplicate_of,
            )
        except BlobNotFound as error:  # the store answered: this job's source alone is gone
            log.warning("job %s: %s", job.job_id, error)
            return JobFailure(
                code="source_missing",
                detail="the picture it is to be made of is not kept any more",
                is_transient=is_transient("source_missing"),
            )
        except (StoreUnavailable, ViewNotBuilt, ViewsMissing) as error:
            raise JobPostponed(str(error)) from error
        except KeysLost:  # no fault of the job's: it is not settled, and comes again
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise JobPostponed(str(error)) from error
            log.exception("job %s met a fault of ours", job.job_id)
            return JobFailure(code="internal", detail="something of ours failed", is_transient=True)

    async def _settle(self, record: Record, job: ImageJob, failure: JobFailure) -> None:
        log.info("job %s: %s, %s", job.job_id, failure.code, failure.detail)
        now, attempts = self.clock(), job.failed_attempts
        retry_at = failure.is_transient and self.policy.retry_at(
            len(attempts), failure.retry_after_seconds, now, _jitter()
        )
        if retry_at:
            delay = delay_command(job, failure, retry_at, now)
            await self._send(ASSET_COMMANDS, job.asset_id, encode(delay))
            attempt = FailedAttempt(code=failure.code, detail=failure.detail, failed_at=now)
            await self._hold(replace(job, failed_attempts=(*attempts, attempt)), retry_at, now)
            return
        if failure.code == "internal":
            await self._dead_letter(record, failure.code, failure.detail)
        command = reject_command(job, failure, now)
        await self._send(ASSET_COMMANDS, job.asset_id, encode(command))

    async def _hold(self, job: ImageJob, not_before: datetime, now: datetime) -> None:
        topic = self.policy.retry_topic(not_before, now)
        await self._send(topic, job.asset_id, encode(replace(job, not_before=not_before)))

    async def _dead_letter(self, record: Record, code: str, detail: str) -> None:
        self.metrics.count("dead_letter")
        now = self.clock()
        await send_dead_letter(self.sender, IMAGE_JOBS_DEAD_LETTERS, record, code, detail, now)

    async def _send(self, topic: Topic, key: str, value: bytes) -> None:
        await send_until_durable(self.sender, topic, key, value)


def _job_in(record: Record) -> ImageJob | Undecodable:
    try:
        message = decode(record.value)
    except Undecodable as error:
        return error
    if isinstance(message, ImageJob):
        return message
    return Undecodable(f"{type(message).__name__} is no job")


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads load, guards nothing
