"""moto's server, with two things that it lacks and this stack needs: secrets in CloudFormation, and Lambdas without
Docker.

A function's deployed bundle is unpacked and run by the `node` on the PATH, with its own variables, against this very
server.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import uuid
import zipfile

from moto import settings
from moto.awslambda.models import LambdaFunction
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends
from moto.server import main

INVOKE_SECONDS_MAX = 120
RUN = """
const { handler } = require(process.argv[1])
const context = { functionName: 'rehearsed', awsRequestId: 'rehearsed', getRemainingTimeInMillis: () => 30000 }
const done = (answer) => process.stdout.write('\\nANSWER' + JSON.stringify(answer ?? null), () => process.exit(0))
handler(JSON.parse(require('node:fs').readFileSync(0, 'utf8')), context).then(done, (error) => {
  console.error(error)
  process.exit(1)
})
"""


class Secret(CloudFormationModel):
    # moto tells from this which of its services the resource belongs to.
    __module__ = "moto.secretsmanager.models"

    def __init__(self, arn):
        self.physical_resource_id = arn

    @staticmethod
    def cloudformation_name_type():
        return "Name"

    @staticmethod
    def cloudformation_type():
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name, cloudformation_json, account_id, region_name, **_
    ):
        properties = cloudformation_json["Properties"]
        backend = secretsmanager_backends[account_id][region_name]
        made = json.loads(
            backend.create_secret(
                name=resource_name,
                secret_string=uuid.uuid4().hex if "GenerateSecretString" in properties else "",
                secret_binary=None,
                description=properties.get("Description"),
                tags=[],
                kms_key_id=None,
                client_request_token=None,
                replica_regions=[],
                force_overwrite=False,
            )
        )
        return cls(made["ARN"])


def run_with_node(self, event=None):
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(self.code_bytes)).extractall(folder)
        variables = {name: str(value) for name, value in self.environment_vars.items()}
        ran = subprocess.run(
            ["node", "-e", RUN, os.path.join(folder, "index.js")],
            input=json.dumps(event if isinstance(event, dict) else {}),
            capture_output=True,
            text=True,
            timeout=INVOKE_SECONDS_MAX,
            env={**os.environ, **variables},
        )
    sys.stderr.write(ran.stderr)
    _, _, answer = ran.stdout.rpartition("ANSWER")
    return answer or "null", ran.returncode != 0, ran.stdout


LambdaFunction._invoke_lambda = run_with_node
settings.moto_server_host = lambda: "http://localhost"

if __name__ == "__main__":
    main(sys.argv[1:])
