"""A policy pack that judges nothing: it writes down what the engine shows to a pack.

It speaks the analyzer protocol itself, so that no library stands between the engine's messages
and the file. The file is named by RECORDING, and is written when the whole stack was shown.
"""

# ruff: noqa: N802, ARG002, INP001 the protocol names the methods; a pack is run, not imported

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import empty_pb2, json_format
from google.protobuf.message import Message
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2


class Recorder(analyzer_pb2_grpc.AnalyzerServicer):
    """Keeps each resource as it is shown on its own, and again as part of the stack."""

    def __init__(self) -> None:
        self.alone: list[object] = []

    def Handshake(
        self, request: Message, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Accept any engine."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetAnalyzerInfo(
        self, request: Message, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerInfo:
        """Name the pack; it has no policy."""
        return analyzer_pb2.AnalyzerInfo(name="recording", version="1.0.0")

    def GetPluginInfo(
        self, request: Message, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Say the version."""
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Configure(self, request: Message, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing can be configured."""
        return empty_pb2.Empty()

    def ConfigureStack(
        self, request: Message, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """The stack's name and settings change nothing."""
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Remediate(
        self, request: Message, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Change nothing."""
        return analyzer_pb2.RemediateResponse()

    def Analyze(
        self, request: Message, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Keep the resource."""
        self.alone.append(json_format.MessageToDict(request))
        return analyzer_pb2.AnalyzeResponse()

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Keep the stack and write everything."""
        together = json_format.MessageToDict(request).get("resources", [])
        text = json.dumps({"alone": self.alone, "together": together})
        Path(os.environ["RECORDING"]).write_text(text, encoding="utf-8")
        return analyzer_pb2.AnalyzeResponse()

    def Cancel(self, request: Message, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing is under way."""
        return empty_pb2.Empty()


server = grpc.server(
    ThreadPoolExecutor(max_workers=1),
    options=[("grpc.max_receive_message_length", -1)],
)
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Recorder(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
sys.stdout.write(f"{port}\n")
sys.stdout.flush()
threading.Event().wait()
