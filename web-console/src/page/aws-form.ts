// Reaching a robot's channel on AWS with the user's own keys. They stay in this page's
// memory and go to AWS only; closing the page forgets them.

import { awsViewerCredentials, type ViewerCredentials } from "../kvs/channel";
import { el } from "./dom";

export interface AwsChoice {
  robot: string;
  credentials: ViewerCredentials;
}

export function awsForm(onChoice: (choice: AwsChoice) => void): HTMLElement {
  const input = (name: string, text: string, attributes: Record<string, string | boolean> = {}) => {
    const field = el("input", { name, autocomplete: "off", spellcheck: "false", autocapitalize: "none", required: true, ...attributes });
    return { field, label: el("label", { class: "field" }, el("span", {}, text), field) };
  };
  const region = input("region", "Region", { value: "us-east-1", pattern: "[a-z0-9\\-]+" });
  const channel = input("channel", "Channel, which is the robot's name", { pattern: "[a-zA-Z0-9_.\\-]+" });
  const key = input("key", "Access key id");
  const secret = input("secret", "Secret access key", { type: "password" });
  const token = input("token", "Session token, if there is one", { type: "password", required: false });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const sessionToken = token.field.value.trim();
    const credentials = {
      accessKeyId: key.field.value.trim(),
      secretAccessKey: secret.field.value.trim(),
      ...(sessionToken === "" ? {} : { sessionToken }),
      region: region.field.value.trim(),
    };
    const robot = channel.field.value.trim();
    onChoice({ robot, credentials: awsViewerCredentials(robot, credentials) });
  };
  return el(
    "details",
    { class: "aws" },
    el("summary", {}, "Connect to AWS instead"),
    el(
      "form",
      { onsubmit: submit },
      ...[region, channel, key, secret, token].map(({ label }) => label),
      el("button", { type: "submit" }, "Connect"),
    ),
  );
}
