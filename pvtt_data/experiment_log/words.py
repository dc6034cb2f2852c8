"""Headings and fixed words of a log, in English and in Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from pvtt_data.experiment_log.entries import Language


@dataclass(frozen=True, slots=True)
class Words:
    """All words that are not the experiment's own."""

    date: str
    status: str
    subject: str
    test_case: str
    running: str
    finished: str
    failed: str
    interrupted: str
    background: str
    configuration: str
    model: str
    task: str
    device: str
    environment: str
    commit: str
    uncommitted: str
    no_commit: str
    inputs: str
    processing: str
    results: str
    iterations: str
    output_files: str
    details: str
    command: str
    settings: str
    failure: str
    findings: str
    conclusion: str
    yours: str
    yours_end: str
    yours_note: str
    related: str
    item: str
    value: str
    name: str
    description: str
    path: str
    step: str
    time: str
    frames: str
    fps: str
    memory: str
    gpu_memory: str
    total: str
    tried: str
    outcome: str
    why_it_failed: str
    size: str
    local: str
    remote: str
    too_large: str
    missing: str
    yes: str
    no: str
    nothing: str
    continues: str
    interrupted_note: str


ENGLISH = Words(
    date="Date",
    status="Status",
    subject="Subject",
    test_case="Test case",
    running="running (last written {time}); if it is not running any more, it was killed",
    finished="finished",
    failed="failed",
    interrupted="interrupted",
    background="Background",
    configuration="Configuration",
    model="Model",
    task="Task",
    device="Device",
    environment="Environment",
    commit="Commit",
    uncommitted="{commit} + {count} files not committed (dirty)",
    no_commit="not a git checkout",
    inputs="Inputs",
    processing="Processing",
    results="Results",
    iterations="Iterations",
    output_files="Output files",
    details="Technical details",
    command="Command",
    settings="Key settings",
    failure="Failure",
    findings="Key findings",
    conclusion="Conclusion",
    yours="From here to the next mark the text is yours: the program never changes it.",
    yours_end="Your text ends here.",
    yours_note="To be written by a person.",
    related="Related files",
    item="Item",
    value="Value",
    name="Name",
    description="Description",
    path="Path",
    step="Step",
    time="Time",
    frames="Frames",
    fps="Frames/s",
    memory="Memory, peak so far",
    gpu_memory="GPU memory, peak so far",
    total="Whole run",
    tried="Tried",
    outcome="Outcome",
    why_it_failed="Why it failed",
    size="Size",
    local="Local path",
    remote="Remote path",
    too_large="{size}, too large for git (100 MB)",
    missing="not there",
    yes="yes",
    no="no",
    nothing="Nothing so far.",
    continues="This log goes on from {name}, which was edited while the run went on.",
    interrupted_note="The run was ended from outside before it had finished.",
)

CHINESE = Words(
    date="日期",
    status="状态",
    subject="实验对象",
    test_case="测试用例",
    running="运行中（最后写入于 {time}）；如果已不在运行，说明进程被终止",
    finished="已完成",
    failed="失败",
    interrupted="已中断",
    background="实验背景",
    configuration="实验配置",
    model="模型",
    task="任务",
    device="设备",
    environment="环境",
    commit="代码版本",
    uncommitted="{commit}，另有 {count} 个文件未提交（dirty）",
    no_commit="不是 git 仓库",
    inputs="输入",
    processing="处理统计",
    results="结果",
    iterations="迭代过程",
    output_files="输出文件",
    details="技术细节",
    command="命令",
    settings="关键设置",
    failure="失败原因",
    findings="关键发现",
    conclusion="结论",
    yours="从这里到下一个标记之间的文字由人填写，程序不会改动。",
    yours_end="人工填写的部分到此为止。",
    yours_note="待人工填写。",
    related="相关文件",
    item="项目",
    value="值",
    name="名称",
    description="说明",
    path="路径",
    step="步骤",
    time="耗时",
    frames="帧数",
    fps="帧/秒",
    memory="内存峰值（截至此时）",
    gpu_memory="显存峰值（截至此时）",
    total="整个过程",
    tried="尝试",
    outcome="结果",
    why_it_failed="失败原因",
    size="大小",
    local="本地路径",
    remote="远程路径",
    too_large="{size}，超过 git 的上限（100 MB）",
    missing="不存在",
    yes="是",
    no="否",
    nothing="暂无。",
    continues="本日志接续 {name}：运行期间该文件被人修改过。",
    interrupted_note="运行在完成之前被外部终止。",
)


def words_of(language: Language) -> Words:
    """The words of a language.

    Raises:
        ValueError: a language other than ``en`` and ``zh``.
    """
    found = {"en": ENGLISH, "zh": CHINESE}.get(language)
    if found is None:
        raise ValueError(f"a log's language is en or zh, not {language!r}")
    return found
