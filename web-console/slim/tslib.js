export { __assign, __awaiter, __extends, __generator, __importDefault, __spreadArray } from "tslib/tslib.es6.mjs";
