"""The same work on a cluster: a real scheduler of Dask and a real worker, which hears of the work over a socket."""

import shutil

import pytest
from distributed import Client, LocalCluster
from pydicom.data import get_testdata_file

from safeshare import study

KEY = "a key that only this test uses"


@pytest.fixture(scope="module")
def executor():
    with (
        LocalCluster(1, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


@pytest.fixture
def scans(tmp_path):
    (tmp_path / "scans").mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm"):
        shutil.copy(get_testdata_file(name), tmp_path / "scans" / name)
    (tmp_path / "scans" / "notes.txt").write_text("not a scan")
    return tmp_path / "scans"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kinds", [["metadata"], ["metadata", "faces"]])
def test_a_cluster_writes_the_same_bytes_as_one_process(scans, tmp_path, executor, kinds):
    here = study.strip(scans, tmp_path / "here", kinds=kinds, key=KEY)
    there = study.strip(scans, tmp_path / "there", kinds=kinds, key=KEY, executor=executor)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert len(contents(tmp_path / "there")) == 3
    assert [each.source for each in there] == [each.source for each in here]
    assert there.summary == {"refused": 1, "stripped": 3}


def test_a_cluster_audits_and_reports(scans, tmp_path, executor):
    here, there = (study.audit(scans, kinds=["metadata"], executor=each) for each in (None, executor))
    assert there.data() == here.data()
    assert there.html() == here.html()


def test_a_worker_that_fails_says_so_and_the_run_goes_on_where_it_was(scans, tmp_path, executor, monkeypatch):
    def lost(*args):
        raise MemoryError("the worker ran out of memory")

    monkeypatch.setattr("safeshare.copying.deidentify", lost)
    with pytest.raises(MemoryError, match="ran out of memory"):
        study.strip(scans, tmp_path / "safe", kinds=["metadata"], key=KEY, executor=executor)
    monkeypatch.undo()
    assert (tmp_path / "safe" / ".safeshare").is_file(), "a folder that is not finished says so"
    report = study.strip(scans, tmp_path / "safe", kinds=["metadata"], key=KEY, executor=executor)
    assert report.summary == {"refused": 1, "stripped": 3} and not (tmp_path / "safe" / ".safeshare").exists()
