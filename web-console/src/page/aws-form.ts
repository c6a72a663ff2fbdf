// Reaching a robot's channel on AWS with the user's own keys. They stay in this page's
// memory and go to AWS only; closing the page forgets them.

import { awsViewerCredentials, type ViewerCredentials } from "../kvs/channel";
import { el, textField } from "./dom";
import { texts } from "../language";

export interface AwsChoice {
  robot: string;
  credentials: ViewerCredentials;
}

export function awsForm(onChoice: (choice: AwsChoice) => void): HTMLElement {
  const field = (name: string, label: string, attributes: Record<string, string | boolean> = {}) =>
    textField(label, { name, autocomplete: "off", ...attributes });
  const region = field("region", texts.region, { value: "us-east-1", pattern: "[a-z0-9\\-]+" });
  const channel = field("channel", texts.channelName, { pattern: "[a-zA-Z0-9_.\\-]+" });
  const key = field("key", texts.accessKeyId);
  const secret = field("secret", texts.secretAccessKey, { type: "password" });
  const token = field("token", texts.sessionToken, { type: "password", required: false });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const sessionToken = token.input.value.trim();
    const credentials = {
      accessKeyId: key.input.value.trim(),
      secretAccessKey: secret.input.value.trim(),
      ...(sessionToken === "" ? {} : { sessionToken }),
      region: region.input.value.trim(),
    };
    const robot = channel.input.value.trim();
    onChoice({ robot, credentials: awsViewerCredentials(robot, credentials) });
  };
  return el(
    "details",
    { class: "aws" },
    el("summary", {}, texts.connectToAws),
    el(
      "form",
      { onsubmit: submit },
      ...[region, channel, key, secret, token].map(({ label }) => label),
      el("button", { type: "submit" }, texts.connect),
    ),
  );
}
