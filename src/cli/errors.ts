export { named } from "../io/files.js";
