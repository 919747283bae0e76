import { local } from "./local.mjs";
import { post } from "./post.mjs";

post(local);
