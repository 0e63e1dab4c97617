// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const { subtle } = crypto;

/** The bytes of base64url. */
function bytes(string) {
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const result = [];
    let [bits, length] = [0, 0];
    for (const digit of string) {
        bits = ((bits << 6) | digits.indexOf(digit)) & 0xffff;
        length += 6;
        if (length >= 8) {
            length -= 8;
            result.push((bits >> length) & 255);
        }
    }
    return new Uint8Array(result);
}

const RSA = {
    kty: "RSA",
    d: [
        "BUPKXfhIrWqJt1JDWGA_wiPxt3CAp7IiIw7qVi8RBMo1-xgG0KdpOCtDYbLnetFH_YvnQB1YFZVI_bUSuF0Sje128evTtms1HMbs",
        "qZyKidK_cWdRQI_VkZN1b-L-guCjvXAmqTn7h6bwu6oIb8r76Td3uEQM_TmcU-7GDZ3vRCMuKZ51HZBg-NOMHTlkcBt3t_Eb_Nyi",
        "kbzZehwq3XaCMV5SBbqqsHS06-aL7HuwRFDiNT4gdtrMxKsL8sB9wCIKHc4mC6NvwIjU6eRiH2N8L6CivcSLmuq11Sog2dsiUoEX",
        "dodH3u0VGoCFD2owCm-xYvGtqI-1Muz2w48kws4WSw",
    ].join(""),
    n: [
        "vOhU5xKpaPBkDbuOR9g2t20X82qan3iVS8Nd2acq8EOqIBjvfJAQwpunRjCFHKED-Gqh4spG6P7jneXZqF8oA-1XTYvBzc_cHf_I",
        "AvjNhhobWiiZCVUqLNrKKEk3-bbIk_4NOlOAH73mJ8W1RV4TOtmEe5Z_BcKwHZZ1Xh1qvbRCi_LUeFAdMBefXq0rR7MTf5XMw0pG",
        "pzJzzTpO6-Gt_zyOe2uRniTM5egE85L-eL3nc0fxYO0IBenoTEn4uKbKZdM5hcc4aLUgiOcQRb5SHqwthgFfY3q8KoDP-EJSVh5v",
        "2cJMxi662_afHwNOAcNPOwvO7ixDGfGsQ2Tvhtr-wQ",
    ].join(""),
    e: "AQAB",
    p: [
        "8azWCwsrdwdMstnWWln2Z-2fT46IUKz9RJEDCyyihNo_6H7G6EnJ4iHrBZ4CA-xbunnq41QgHR-J9yERhzO5Sw60ZY13YzocyYvj",
        "lDG1qoSI6jf5W5lwO0niEKP0NJ3IiyO62zXbBWpUyzbfBy87F5JyMccm6MGkKwg1ySfcXr8",
    ].join(""),
    q: [
        "yBrNomOc-Gde8J2ThGbq4H4njfWHYlaDgNA0C2KMpY15Mdu_3Rnaeo2uZJhEIvvJ48siXpLlN8gObGWI9tzoIu1nT56uzj-K5E6d",
        "To8CDohuwb3WfIqTMX65g_lqDYMoRrw7YvVRZFml0EWXxhG2AQwsfGRJ_oWw_bBesF1Vgn8",
    ].join(""),
    dp: [
        "Zzsmqsz4of1SO8tlDm8DG92agUcm3x8liBZRMIK-YPVA-zS8DhkGzTsjwuB9h-N8Qyk0tioHFamVKyTK8e-cJH2BfSdyacY26biB",
        "W5noOZAnU7TZJNFj6U9j6yu9coQ7V4PJmz1j8uo6khs8JTt9iFIbyTuCWUXttBvrraMDNM0",
    ].join(""),
    dq: [
        "rzCQMgjmJ7BQtXYv7a4xGoQ4WxfIBLdbgE5IEmOgYVy_63_JtWhqF_us39NTbBFnCvEQUR5oYfLbddlbFU4ISnPwjAuQXW_SSNnu",
        "7RVVJqYZ2bM7cmPcRGv_PWUCjXvzqiIoGBZQwPufqP0UyMs-viILXIhtI9GmSCS-ccf1Ej8",
    ].join(""),
    qi: [
        "ad3FIOI4tHcSVoWukvuB_FWu0jHugJbZ7CJgDcJd-41WUlmf9RAsVYFUhP1a95x7FkMZXRUSXblUff4uRLTVprjO2113IFD0mf2E",
        "9pWcgAAcgwvL0PPD0mlfX4bSQdxXziivNvdVMM6P9QLEM0bWJ2K0Z_rJTCG8THqWZ0sKZTw",
    ].join(""),
};

const PKCS8 = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC86FTnEqlo8GQNu45H2Da3bRfzapqfeJVLw13ZpyrwQ6ogGO98kBDC",
    "m6dGMIUcoQP4aqHiykbo_uOd5dmoXygD7VdNi8HNz9wd_8gC-M2GGhtaKJkJVSos2sooSTf5tsiT_g06U4AfveYnxbVFXhM62YR7ln8F",
    "wrAdlnVeHWq9tEKL8tR4UB0wF59erStHsxN_lczDSkanMnPNOk7r4a3_PI57a5GeJMzl6ATzkv54vedzR_Fg7QgF6ehMSfi4pspl0zmF",
    "xzhotSCI5xBFvlIerC2GAV9jerwqgM_4QlJWHm_ZwkzGLrrb9p8fA04Bw087C87uLEMZ8axDZO-G2v7BAgMBAAECggEABUPKXfhIrWqJ",
    "t1JDWGA_wiPxt3CAp7IiIw7qVi8RBMo1-xgG0KdpOCtDYbLnetFH_YvnQB1YFZVI_bUSuF0Sje128evTtms1HMbsqZyKidK_cWdRQI_V",
    "kZN1b-L-guCjvXAmqTn7h6bwu6oIb8r76Td3uEQM_TmcU-7GDZ3vRCMuKZ51HZBg-NOMHTlkcBt3t_Eb_NyikbzZehwq3XaCMV5SBbqq",
    "sHS06-aL7HuwRFDiNT4gdtrMxKsL8sB9wCIKHc4mC6NvwIjU6eRiH2N8L6CivcSLmuq11Sog2dsiUoEXdodH3u0VGoCFD2owCm-xYvGt",
    "qI-1Muz2w48kws4WSwKBgQDxrNYLCyt3B0yy2dZaWfZn7Z9PjohQrP1EkQMLLKKE2j_ofsboScniIesFngID7Fu6eerjVCAdH4n3IRGH",
    "M7lLDrRljXdjOhzJi-OUMbWqhIjqN_lbmXA7SeIQo_Q0nciLI7rbNdsFalTLNt8HLzsXknIxxybowaQrCDXJJ9xevwKBgQDIGs2iY5z4",
    "Z17wnZOEZurgfieN9YdiVoOA0DQLYoyljXkx27_dGdp6ja5kmEQi-8njyyJekuU3yA5sZYj23Ogi7WdPnq7OP4rkTp1OjwIOiG7BvdZ8",
    "ipMxfrmD-WoNgyhGvDti9VFkWaXQRZfGEbYBDCx8ZEn-hbD9sF6wXVWCfwKBgGc7JqrM-KH9UjvLZQ5vAxvdmoFHJt8fJYgWUTCCvmD1",
    "QPs0vA4ZBs07I8LgfYfjfEMpNLYqBxWplSskyvHvnCR9gX0ncmnGNum4gVuZ6DmQJ1O02STRY-lPY-srvXKEO1eDyZs9Y_LqOpIbPCU7",
    "fYhSG8k7gllF7bQb662jAzTNAoGBAK8wkDII5iewULV2L-2uMRqEOFsXyAS3W4BOSBJjoGFcv-t_ybVoahf7rN_TU2wRZwrxEFEeaGHy",
    "23XZWxVOCEpz8IwLkF1v0kjZ7u0VVSamGdmzO3Jj3ERr_z1lAo1786oiKBgWUMD7n6j9FMjLPr4iC1yIbSPRpkgkvnHH9RI_AoGAad3F",
    "IOI4tHcSVoWukvuB_FWu0jHugJbZ7CJgDcJd-41WUlmf9RAsVYFUhP1a95x7FkMZXRUSXblUff4uRLTVprjO2113IFD0mf2E9pWcgAAc",
    "gwvL0PPD0mlfX4bSQdxXziivNvdVMM6P9QLEM0bWJ2K0Z_rJTCG8THqWZ0sKZTw",
].join("");

const SPKI = [
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvOhU5xKpaPBkDbuOR9g2t20X82qan3iVS8Nd2acq8EOqIBjvfJAQwpunRjCF",
    "HKED-Gqh4spG6P7jneXZqF8oA-1XTYvBzc_cHf_IAvjNhhobWiiZCVUqLNrKKEk3-bbIk_4NOlOAH73mJ8W1RV4TOtmEe5Z_BcKwHZZ1",
    "Xh1qvbRCi_LUeFAdMBefXq0rR7MTf5XMw0pGpzJzzTpO6-Gt_zyOe2uRniTM5egE85L-eL3nc0fxYO0IBenoTEn4uKbKZdM5hcc4aLUg",
    "iOcQRb5SHqwthgFfY3q8KoDP-EJSVh5v2cJMxi662_afHwNOAcNPOwvO7ixDGfGsQ2Tvhtr-wQIDAQAB",
].join("");

const PKCS1 = [
    "MIIEowIBAAKCAQEAvOhU5xKpaPBkDbuOR9g2t20X82qan3iVS8Nd2acq8EOqIBjvfJAQwpunRjCFHKED-Gqh4spG6P7jneXZqF8oA-1X",
    "TYvBzc_cHf_IAvjNhhobWiiZCVUqLNrKKEk3-bbIk_4NOlOAH73mJ8W1RV4TOtmEe5Z_BcKwHZZ1Xh1qvbRCi_LUeFAdMBefXq0rR7MT",
    "f5XMw0pGpzJzzTpO6-Gt_zyOe2uRniTM5egE85L-eL3nc0fxYO0IBenoTEn4uKbKZdM5hcc4aLUgiOcQRb5SHqwthgFfY3q8KoDP-EJS",
    "Vh5v2cJMxi662_afHwNOAcNPOwvO7ixDGfGsQ2Tvhtr-wQIDAQABAoIBAAVDyl34SK1qibdSQ1hgP8Ij8bdwgKeyIiMO6lYvEQTKNfsY",
    "BtCnaTgrQ2Gy53rRR_2L50AdWBWVSP21ErhdEo3tdvHr07ZrNRzG7KmcionSv3FnUUCP1ZGTdW_i_oLgo71wJqk5-4em8LuqCG_K--k3",
    "d7hEDP05nFPuxg2d70QjLimedR2QYPjTjB05ZHAbd7fxG_zcopG82XocKt12gjFeUgW6qrB0tOvmi-x7sERQ4jU-IHbazMSrC_LAfcAi",
    "Ch3OJgujb8CI1OnkYh9jfC-gor3Ei5rqtdUqINnbIlKBF3aHR97tFRqAhQ9qMApvsWLxraiPtTLs9sOPJMLOFksCgYEA8azWCwsrdwdM",
    "stnWWln2Z-2fT46IUKz9RJEDCyyihNo_6H7G6EnJ4iHrBZ4CA-xbunnq41QgHR-J9yERhzO5Sw60ZY13YzocyYvjlDG1qoSI6jf5W5lw",
    "O0niEKP0NJ3IiyO62zXbBWpUyzbfBy87F5JyMccm6MGkKwg1ySfcXr8CgYEAyBrNomOc-Gde8J2ThGbq4H4njfWHYlaDgNA0C2KMpY15",
    "Mdu_3Rnaeo2uZJhEIvvJ48siXpLlN8gObGWI9tzoIu1nT56uzj-K5E6dTo8CDohuwb3WfIqTMX65g_lqDYMoRrw7YvVRZFml0EWXxhG2",
    "AQwsfGRJ_oWw_bBesF1Vgn8CgYBnOyaqzPih_VI7y2UObwMb3ZqBRybfHyWIFlEwgr5g9UD7NLwOGQbNOyPC4H2H43xDKTS2KgcVqZUr",
    "JMrx75wkfYF9J3JpxjbpuIFbmeg5kCdTtNkk0WPpT2PrK71yhDtXg8mbPWPy6jqSGzwlO32IUhvJO4JZRe20G-utowM0zQKBgQCvMJAy",
    "COYnsFC1di_trjEahDhbF8gEt1uATkgSY6BhXL_rf8m1aGoX-6zf01NsEWcK8RBRHmhh8tt12VsVTghKc_CMC5Bdb9JI2e7tFVUmphnZ",
    "sztyY9xEa_89ZQKNe_OqIigYFlDA-5-o_RTIyz6-IgtciG0j0aZIJL5xx_USPwKBgGndxSDiOLR3ElaFrpL7gfxVrtIx7oCW2ewiYA3C",
    "XfuNVlJZn_UQLFWBVIT9WvecexZDGV0VEl25VH3-LkS01aa4zttddyBQ9Jn9hPaVnIAAHIMLy9Dzw9JpX1-G0kHcV84orzb3VTDOj_UC",
    "xDNG1iditGf6yUwhvEx6lmdLCmU8",
].join("");

/** Of 512 bits. */
const SMALL = {
    kty: "RSA",
    d: ["DGRwMv10KdaHNtoiM3Fru8nlItJth6iJJBlGyu6Yb6wXfrVLLsMzup1kgBhV1Qegsye90C_Cg9RXpEyJ9dRQsw"].join(""),
    n: ["ueKS_NnOc5HsNsgBA6VQANRtClRq8uAJHXsl4_ruixcVXA0A-Y6jXAJMMPrrlbMeREeZQRPoQaP9NSzX3-5Hsw"].join(""),
    e: "Aw",
    p: "5l1H0HwgW1z56Q_XlAwnTGtOxct9aG1UBP2GDpE5KWc",
    q: "zpIlyL_-QA_Pf5-2UA4ZZ1mktELKGhre1Zcqs-dEY9U",
    dp: "mZOFNagVkj378LU6YrLE3ZzfLoeo8Ejirf5ZXwt7cO8",
    dq: "ibbD2yqpgAqKVRUkNV67mjvDItcxZryUjmTHIpotl-M",
    qi: "b1_jUVqGcm2UaYE7ufzGFTtyuHqiWtndX1JZ6EIexGw",
};

/** Signatures of workerd, with a salt of 20 bytes. */
const PSS = {
    MD5: [
        "KkLq4xcUjThbSgiFg46c-gPhjrxucy5-FucHbJoThQIaqqvuFdYhQdNj6XSWEBnZ3gvg5D11YUoMDNuBOHQzP8KCWRYK3R6mMIrx",
        "4gRV6GcxhvaHOJbd21EuD7Awy2_kuaNlNXHqzot0p6c95TjOSPy1NCS1cEb-o226bywyjDf-eZWe7F4uX5-o3aab2DLrd_bD-SyW",
        "9s4vSR43R2gsNxEqObQlB38o4_Ft80A0MhdpDHeBqKBso9qJI9e7kM5cDrFfZoxrFIXUa48cL8OleyAfkuOsBaPVgOgSSrwO1dvH",
        "Gm83nqOvZmrp2jyfuYU19BPKbCwc31sMgq40HU3Icw",
    ].join(""),
    "SHA-1": [
        "c4AwB4QJg1wXkpZy2N0fwiOwYWbhsBoidFCpXGTNIAIpeqJfJJig5JWRvK8qg14o8XIX8aedxIK423Fp0R12mgW2KJ_togX_2Pf8",
        "0_sdfU9r2fUC0DkW4xXC85ZFjKXcoQvvdgdjVfh3WQ0kbB1dSH_G_vcyPrEvIoiX6zxb6ZHyq6eQOdffSCbkaiwRHMw1UpreMxds",
        "yV0KUAvWdfOw6JMuiLAGUfbleOPfsuOs43GbTB9DSd4Zc0sr95_INPckGGIh2btUzThWIJl-S1hq8rNAOtaCWtfTgN291mJmfLeW",
        "R0-FNcap1IcTuaDes4AXQ7qL_JOS7DV3xF_kZk1w9w",
    ].join(""),
    "SHA-256": [
        "mZl_fqfvXb_4Vrti815l7AAcTVv1T8bL8yHW_mCklcACKkvNDTiudCvJaBELrYRzToDLW7M9SsMmIYm9AVE3h8XeeqrB3IFfDKBI",
        "sDmn5D1OLueENMkYrcGP9-lUigoqGYOHuEp2tSfWsLFZ6n3YTl9oQM8RmQZIi01tv0N1aAv9lAbL_dJsYKTSAsTiA8EI0fviIdDr",
        "s14EAirhJDegDiqT_St2LprjsL6VX4IqtI97VYQ9yyy_VImQNyFsW9dRTacMjU4gAZwv1qUmy4d_0RORgYJrcGjOPf9QKxnpu3Pj",
        "VtOWXfVJYNqIiXuTKVrsP6msxPhzk9s2mV8opZwICg",
    ].join(""),
    "SHA-384": [
        "Ec82UHjpx90IX_NMdLhHr1zPs0Wdv7JuPh-vYzhO1scLJrP1OhTq1z_sgOjpJZTC6-8u1x8pgnNJrYUPJwfsbBY6R1rvV8bLwIZt",
        "8ljNSfPgS-fypvZM_oWc2M12mABXm_u4pfspRnHPqSX-l3f8biOfTG1F70UrwXY1ZdhoH6YZJTj-VxTVV4v6KRefitfoy5tyVyy7",
        "4N_D2U6UgTfzrXxJMFbxREJF1sLEvYFneQBudCOcgUaF47U3xsZj5VEgBmrek8ieiMLPLojWOgJ07v15HVaCielpVALglJjEmV5l",
        "v3eF9vnpy8D27y3o4Dm5vpYrO1zbc4mcarNgd_runw",
    ].join(""),
    "SHA-512": [
        "hYyha799YW1S9AXkIXVHBzJStYOL6KCcnNNsKDEBbMNkGEmySKxXUVX78h_86pX8T4NNVAU6_tEp3nK3qPmT8RQIFfqicrv8B7zX",
        "U12GRtRtDx9QZKwWrYBxc2vkbiiNtrG8saPTvVZkF2sECw9DuzSg9nMhtP5Af6_QFnLezYLshTVDotI8vsJezVTwL-t4SI8NaFLZ",
        "VB8blmWcmzr9PwNByumBnzS5zDad7N8IZ36S-IXhmruU3x_WjdsWkRfap7hvISt21btBhQwGLKOoWRQRK6Dw1zA6r8PSV7vkX_9o",
        "79K4Tu9MvFh8YFFBBO7vPKJz0MgA-1cWPHK13LNwPw",
    ].join(""),
};

const PSS_NO_SALT = [
    "iy4wZV_6Vkt6foso1qCduLuq7ifiR-FcgsMmYlIohN7s8xmhH2uzXoYHVAv8Vemcc02J08xJUK91MXTtT_KCc1qmtHVUiREVD0z_9RlH",
    "xZLfAqcHXIm6YlRwdG_J-EaJvJOuN0mGIMKh318709zN3OBcbJ-YOH-7-xYCCh7wvREY2buyIMbUVfPAIwRLIb3NV83aA8gJa8AILqoX",
    "WAR3wG9ZGV83m4Rx6s7OB4qakPQJfrCENDTU1c9vjDCGbugFzCCxfQPxDS9iAry6SlH9ZQOgs3Nxe2LLh-bWLR5Q4c28OBElIBrasJOV",
    "kSrsLrHZRc8E0WaT_-5LcIUhcyPl5A",
].join("");

/** What workerd encrypted. */
const OAEP = {
    MD5: [
        "PQhXh8TGDa65_tGL_xnNkkcNsPePD3sEZHhtPmGqKpiK7qVLhs_gfNnHtd_PD4xbzvI3puwq2CX3RJz4nvgI5kg-4-R-DmX2rq6Q",
        "OXDHct9YPDJ2tgRO0djc3WUIIf9A7hh2_GaxSfSXg8Lzrm-Tadyf1n9u7y0wdUsp0l_RHX7oa8HcIA5kz9X4btARO-mzCo9LcnqA",
        "qFb5P2mSAtwQbojW-Ld0tIa52WH1zx72m7C6NL-eMBUYK90JTskSHNCTsu4X_DOp0u0a1or1Afpa9VmSDJv9AbscE1Nx4Tw5Itm9",
        "fzeiw--8pI02qGLqucrDlYZRxVS5AEy_uneAhgWPUA",
    ].join(""),
    "SHA-1": [
        "TLZKlAfk_BGQ5TfDMcUxgWAfkf-UbJS_VzR4Ymez4h07XOr7yauQG4Gm77fr-Vx9MC4MFc4eeNnjFwOLjJPM-EUJfGD1yKDp1jTH",
        "9J4Uxofzv8EdvPPP4uLbFflgQViXqXd3mI1eoWidBR6GLxhVvL-0vBnAbOGX3p-T3y8nfaPTk7zH7cVFdpH4hG_TBRk19AWRBWHd",
        "lmYAJZLXsvYY8scrma8OLwUQMW5yU0rh754Meibv30JMy5tCMV_ITZt_GoUWluouvd8pwUI11SNsHCEoIXsv6u_9oFqiLUN3anHG",
        "k8c9gD805ro7XIf-5qfl3ZVGTZPww6vsZixS4NlQrg",
    ].join(""),
    "SHA-256": [
        "WooX5ZwGj2sc9UYNFmgtRJpm1vPkono7lia0Ctm4L-S_2Cf7WlECVk87QzG7WiWUmB4Ki-xbd4q1Yhtd2DSflVN95lYBJXkD1FbB",
        "LYLFqXWIDEVXicvKUiEV_fJO8Q98KXN8Nc6hHcqaBNZ0eL70sNS6p-_wsT36l2ZaFcZn_6Gc7H12HLcKTdRM6SN3oweIxzzf-YWO",
        "Mj3VcotVbB-e1ut1zcIyE40-me0hvWoK-yefF_7-Pi2Il-O4_TJwNQf6xGWSJTRuL0pJ5I1MHDYQAXqOClKThL03oaaX7HrHC5IE",
        "6H4hTDh-nlXvXXKpqEjsYzeY2_HsKQpqqmWp0p5WUg",
    ].join(""),
    "SHA-384": [
        "fNSxQ5wNp0z8sqFWBl0JHy1_Xgj-KlzCh9oATfYu3JhAsWiA3GLReZToocA572gNHfohHFksGsHHier6zRi7XD2HMowbXa577eu9",
        "eayalkMCnqbw1q9toG8dLoI2UxS_x2Dl6LJINx3xue9TvzWv5mXjayh_TW7ALsQrLIB2qJVCoN1mpr8t2OGyBwq0YNI5j39xV7yy",
        "lh0WI3kneSOMoIjrFt7Nab_qH10vjT_G2FeX1B0t0ymEfW0MmE90BzWmGth7nDHVWhTnVExGA5tqGs-6FSjGCioICqW0d_OllPZm",
        "Mn2aah0Bpdgif2pRtugPO0WCaqnbKfKcoskW9GPDzA",
    ].join(""),
    "SHA-512": [
        "Lj-9i78QRHAP0egXOJ01dOo9fl1jWu7YgLqVc-5R_iQyZBb1-g3YPXVl9GGMrpfA3L_s0MqSdkqDKQzGh-u25PPXaaAtlQodbdKy",
        "c7_vH1FvJwKYVd3TB_HbhgWnzRCMsmzmNR5wtmFmM5wCEcE5xRVTivgBKPZLZtXdAiBhn8HYwDKBfpWZI3kl-J_s-E8Iuhg8XBp8",
        "ElHY_WyZ9jaVr8xuyURfs-MPWkjfu_W5cG0FX_CJy4iA0rwn1hhbrEFDBbJECPzno3k-dusjtHXKFWsctUG-8jU_z8HVM6YSJdBX",
        "aCulq8kWqWDTUlgZIdyX7LUmT-lifh1oH3XHUe-OeQ",
    ].join(""),
};

/** With the label 1, 2, 3. */
const OAEP_LABEL = {
    MD5: [
        "JeJM4GHUSgqhfEorXdm6nw8WCm1BHYo4c3GQ83VvdyBKRBfF2CZGEyCkp1w021RvvAewy0lV8KWaCVm1qRRWOcIB1rvgbC4QwI92",
        "_ritKw725LIQDduIVJkRv3uW4V2OzvO8VhgkWc2ohyQ4520Hcv5JtrU2LrX0F1er8ONekh3XSeL0_cw7ktbQey-8TxZbgSjv69vh",
        "IsxU7LD4h_mYkx_snOmN9_qjhK133Rnmf_YNvfZxjeyk-PgvXgjiMe9D3JazpoUFPD6va6QZboDODM9xngLjD88HXMuaM1F0Wgiz",
        "lQlozNnD-slTaVR7fdSsh4fjQ6NHrYI_bdW9K2QA4g",
    ].join(""),
    "SHA-1": [
        "QNbc8RKdJbuQBp1CTIU85WkOPTf2aWhAT2kiJ5MFbsQ6JAuWmCvI2QmpMZhWPJgSvoS2Zomu1xE1H5mRdUuWsM3h3hpG8L50ox6F",
        "3w36PI0uy_2ymFNXhfL0ybPzQM7mOoKmfl5PNXSO-hdGvkNYFUd8Bi1qcGUuT_rENygNn3B6Mwccl_rVl-ICqI5rlQ5wg0j-lK_d",
        "nG4odg2phJIxZJ6oJOt-gDF_yUnXKaGQxmTIi1FwZTKsZOUlbVFYJNciiE3S9dgedl3Dm74KLKhnKAJFDJ5ksRyIKfNoaNIY60Rw",
        "ho8d6rKtUfdwoEtkGClltFB9qY0qgrABPQ61ZoeWAA",
    ].join(""),
    "SHA-256": [
        "tE_MFNZoR78xWM_tgx36qZxgXz54loIgKVn9xHHok6HEu26Fx6Wezy9N0DMdRdWgDNsiwZNa4cM_3Gi2qw9CWW9omtXUijLcx2Yr",
        "inJwNIOueytr2ez0rWHRfTCA8y5k7JyghkiBXpx3Zfq-FexTIn2MWdd6LXeKPWKexzYFfRi0Wo0o59KTFUPH9LsHv7ctu_VnOswW",
        "GMS75uiq8ZGjYSyyw59_dLE170pUZXl5eQACAxz5EznUGH1iWSyy1gj_6pqz9-FzvvJbA0K_4Wwvh27EBZdLGFW6RvBsuNXUqXMc",
        "EaD2cYB4yhq9wx_YJ3gcxYoPpYm5SJ-DfOkv308xVA",
    ].join(""),
    "SHA-384": [
        "TYj8gksX-qs46oNtDa-sCK6LTQgpUz3MFVUuSR4UXd-WuzaKfekyk1u8UgIfq38hsEf1f-qk_njdE8TZFDuJZEFNyM3f2UHH8EEb",
        "dRqPlvuRuFwzbG3NilUkR1w-iRbu-lx4wmrkEd4UiFiWLATBDynGpMLuL2ZdYxJVSGVhWy4pkFes4BPoCEXkc-ICWI-GnriKkfrK",
        "Y_GGiuAcYxf5KI9lC4K0lJvWrBZFto81__wtGGYI8XDmww2AX5hhoobYa_Jxihdbb0VPWowNxwWFqD9Y9G3s6ubY9kOZ2csrcUTi",
        "Wa2Q555XFEIF2mOAEZ6G2eUgz8DnGj8NgFfMKj_iuw",
    ].join(""),
    "SHA-512": [
        "SxR20_5u0PjXk54mfSF9vfmHfmbb3vkvLWH3Tw59AJ8NxZjyzhB4ZE0mE9kti5H69DoT-l8Bodo7SoZdv_w3eByJoe6f6QtQOaTc",
        "QyytsUqD3vLEhzNElJBpcnVqSdQrPviyhDF4WHvL7PctX3H-xmid29fKGAS4xCiC-PO_M7GPzOCwRysdjJ8MdYfyw4nIs4iZewPN",
        "SjKgWU5_Z7-usaQaQOJ55dy8gIrBh8W4nJkyJKYsH3yiu6EQxpSq_amC5myR5w5kP6c_MpFcl5zR1Y10qCZgzzomJU3kCwRj3n2_",
        "96n7Wsza7Oj_ZYKKI4hCimwbFnnuM0nAH0ag5ghIFw",
    ].join(""),
};

const PUBLIC = { kty: "RSA", n: RSA.n, e: RSA.e };
const data = text("The quick brown fox");
const hashes = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const exponent = new Uint8Array([1, 0, 1]);
const loadPrivate = (name, hash, usage, key = RSA) => subtle.importKey("jwk", key, { name, hash }, true, [usage]);
const loadPublic = (name, hash, usage, key = PUBLIC) => subtle.importKey("jwk", key, { name, hash }, true, [usage]);

export default transcript(async (t) => {
    await pkcs1(t);
    await pss(t);
    await oaep(t);
    await containers(t);
    await imports(t);
    await generation(t);
    await uses(t);
});

async function pkcs1(t) {
    const name = "RSASSA-PKCS1-v1_5";
    for (const hash of hashes) {
        const signature = await subtle.sign(name, await loadPrivate(name, hash, "sign"), data);
        t.show(`PKCS1 ${hash}`, hex(signature));
        const key = await loadPublic(name, hash, "verify");
        t.show(`PKCS1 ${hash} verified`, [
            await subtle.verify(name, key, signature, data),
            await subtle.verify({ name, hash: "x" }, key, signature, text("The quick brown fax")),
            await subtle.verify(name, key, new Uint8Array(signature).subarray(1), data),
            await subtle.verify(name, key, new Uint8Array(256).fill(255), data),
            await subtle.verify(name, key, new Uint8Array(0), data),
        ]);
    }
    const small = await loadPrivate(name, "SHA-256", "sign", SMALL);
    t.show("PKCS1 by a small key", hex(await subtle.sign(name, small, data)));
    for (const hash of ["SHA-384", "SHA-512"]) {
        const key = await loadPrivate(name, hash, "sign", SMALL);
        await t.throws(`PKCS1 ${hash} by a small key`, () => subtle.sign(name, key, data));
    }
    const signer = await loadPrivate(name, "SHA-256", "sign");
    const changing = text("The quick brown fox");
    const pending = subtle.sign(name, signer, changing);
    changing.fill(0);
    t.show("data are those of the call", hex(await pending) === hex(await subtle.sign(name, signer, data)));
}

async function pss(t) {
    for (const hash of hashes) {
        const key = await loadPublic("RSA-PSS", hash, "verify");
        const verify = (saltLength, signed = data) =>
            subtle.verify({ name: "RSA-PSS", saltLength }, key, bytes(PSS[hash]), signed);
        t.show(`PSS ${hash}`, [await verify(20), await verify(0), await verify(32), await verify(20, text("x"))]);
        const signer = await loadPrivate("RSA-PSS", hash, "sign");
        for (const saltLength of [0, 1, 32, 100]) {
            const algorithm = { name: "RSA-PSS", saltLength };
            const signature = await subtle.sign(algorithm, signer, data);
            t.show(`PSS ${hash} salt of ${saltLength}`, [
                signature.byteLength,
                await subtle.verify(algorithm, key, signature, data),
            ]);
        }
    }
    const key = await loadPublic("RSA-PSS", "SHA-256", "verify");
    t.show("PSS without salt", await subtle.verify({ name: "RSA-PSS", saltLength: 0 }, key, bytes(PSS_NO_SALT), data));
    const signer = await loadPrivate("RSA-PSS", "SHA-256", "sign");
    const small = await loadPrivate("RSA-PSS", "SHA-256", "sign", SMALL);
    const lengths = {
        undefined,
        null: null,
        "-1": -1,
        2.9: 2.9,
        string: "3",
        222: 222,
        223: 223,
        huge: 2 ** 31,
        symbol: Symbol("x"),
    };
    for (const [label, saltLength] of Object.entries(lengths)) {
        const algorithm = { name: "RSA-PSS", saltLength };
        await t.throws(
            `PSS sign with salt ${label}`,
            async () => (await subtle.sign(algorithm, signer, data)).byteLength,
        );
        await t.throws(`PSS verify with salt ${label}`, () => subtle.verify(algorithm, key, bytes(PSS_NO_SALT), data));
    }
    for (const saltLength of [30, 31]) {
        await t.throws(
            `PSS by a small key with salt ${saltLength}`,
            async () => (await subtle.sign({ name: "RSA-PSS", saltLength }, small, data)).byteLength,
        );
    }
    const large = await loadPrivate("RSA-PSS", "SHA-512", "sign", SMALL);
    await t.throws("PSS by a key that is too small", () =>
        subtle.sign({ name: "RSA-PSS", saltLength: 0 }, large, data),
    );
    await t.throws("PSS as a string", () => subtle.sign("RSA-PSS", signer, data));
    const algorithm = { name: "RSA-PSS", saltLength: 32 };
    const [one, other] = await Promise.all([1, 2].map(() => subtle.sign(algorithm, signer, data)));
    t.show("PSS signatures differ", hex(one) !== hex(other));
}

async function oaep(t) {
    const label = new Uint8Array([1, 2, 3]);
    for (const hash of hashes) {
        const key = await loadPrivate("RSA-OAEP", hash, "decrypt");
        t.show(`OAEP ${hash}`, hex(await subtle.decrypt("RSA-OAEP", key, bytes(OAEP[hash]))));
        const labelled = bytes(OAEP_LABEL[hash]);
        t.show(`OAEP ${hash} with a label`, hex(await subtle.decrypt({ name: "RSA-OAEP", label }, key, labelled)));
        await t.throws(`OAEP ${hash} without its label`, () => subtle.decrypt("RSA-OAEP", key, labelled));
        const encrypter = await loadPublic("RSA-OAEP", hash, "encrypt");
        for (const length of [0, 1, 100]) {
            const algorithm = { name: "RSA-OAEP", label };
            const encrypted = await subtle.encrypt(algorithm, encrypter, new Uint8Array(length).fill(7));
            const decrypted = await subtle.decrypt(algorithm, key, encrypted);
            t.show(`OAEP ${hash} of ${length} bytes`, [encrypted.byteLength, decrypted.byteLength]);
        }
    }
    const key = await loadPrivate("RSA-OAEP", "SHA-1", "decrypt");
    const encrypter = await loadPublic("RSA-OAEP", "SHA-1", "encrypt");
    for (const length of [214, 215, 300]) {
        await t.throws(
            `OAEP of ${length} bytes`,
            async () => (await subtle.encrypt("RSA-OAEP", encrypter, new Uint8Array(length))).byteLength,
        );
    }
    for (const length of [0, 1, 255, 256, 257]) {
        await t.throws(`OAEP garbage of ${length}`, () =>
            subtle.decrypt("RSA-OAEP", key, new Uint8Array(length).fill(9)),
        );
    }
    await t.throws("OAEP label of text", () => subtle.encrypt({ name: "RSA-OAEP", label: "x" }, encrypter, data));
    await t.throws("OAEP label null", () => subtle.encrypt({ name: "RSA-OAEP", label: null }, encrypter, data));
}

async function containers(t) {
    const algorithm = { name: "RSA-PSS", hash: "SHA-256" };
    const key = await subtle.importKey("pkcs8", bytes(PKCS8), algorithm, true, ["sign"]);
    const open = await subtle.importKey("spki", bytes(SPKI), algorithm, true, ["verify"]);
    t.show("PKCS #8", [key.type, key.algorithm, key.usages]);
    t.show("SPKI", [open.type, open.algorithm, open.usages]);
    t.show("PKCS #8 again", hex(await subtle.exportKey("pkcs8", key)) === hex(bytes(PKCS8)));
    t.show("SPKI again", hex(await subtle.exportKey("spki", open)) === hex(bytes(SPKI)));
    t.show(
        "PKCS #8 of JSON",
        hex(await subtle.exportKey("pkcs8", await loadPrivate("RSA-PSS", "SHA-1", "sign"))) === hex(bytes(PKCS8)),
    );
    t.show("small PKCS #8", hex(await subtle.exportKey("pkcs8", await loadPrivate("RSA-PSS", "SHA-1", "sign", SMALL))));
    const { kty, alg, key_ops, ext, ...numbers } = await subtle.exportKey("jwk", key);
    t.show("JSON", [kty, alg, key_ops, ext]);
    t.show(
        "numbers of JSON",
        Object.keys(RSA)
            .filter((name) => name !== "kty")
            .map((name) => numbers[name] === RSA[name]),
    );
    await t.throws(
        "PKCS #1",
        async () => (await subtle.importKey("pkcs8", bytes(PKCS1), algorithm, true, ["sign"])).type,
    );
    for (const [format, from, usage] of [
        ["pkcs8", PKCS8, "sign"],
        ["spki", SPKI, "verify"],
    ]) {
        const whole = bytes(from);
        const other = format === "pkcs8" ? "spki" : "pkcs8";
        await t.throws(`${format} cut`, () =>
            subtle.importKey(format, whole.subarray(0, 100), algorithm, true, [usage]),
        );
        await t.throws(`${format} with more behind`, () =>
            subtle.importKey(format, new Uint8Array([...whole, 1, 2, 3]), algorithm, true, [usage]),
        );
        await t.throws(`${format} as ${other}`, () => subtle.importKey(other, whole, algorithm, true, [usage]));
        await t.throws(`${format} empty`, () => subtle.importKey(format, new Uint8Array(0), algorithm, true, [usage]));
        await t.throws(`${format} for another algorithm`, () =>
            subtle.importKey(format, whole, { name: "ECDSA", namedCurve: "P-256" }, true, [usage]),
        );
        await t.throws(`${format} for Ed25519`, () => subtle.importKey(format, whole, "Ed25519", true, [usage]));
        await t.throws(`${format} with a wrong usage`, () =>
            subtle.importKey(format, whole, algorithm, true, ["encrypt"]),
        );
        await t.throws(
            `${format} without usages`,
            async () => (await subtle.importKey(format, whole, algorithm, true, [])).usages,
        );
    }
    await t.throws("private for public usage", () =>
        subtle.importKey("pkcs8", bytes(PKCS8), algorithm, true, ["verify"]),
    );
    await t.throws("public for private usage", () => subtle.importKey("spki", bytes(SPKI), algorithm, true, ["sign"]));
    await t.throws("raw", () => subtle.importKey("raw", bytes(SPKI), algorithm, true, ["verify"]));
    for (const format of ["raw", "pkcs8", "spki", "x", "raw-public"]) {
        await t.throws(`export private as ${format}`, async () => (await subtle.exportKey(format, key)).byteLength);
        await t.throws(`export public as ${format}`, async () => (await subtle.exportKey(format, open)).byteLength);
    }
}

async function imports(t) {
    const algorithms = {
        "no hash": "RSA-PSS",
        "wrong hash": { name: "RSA-PSS", hash: "x" },
        "null hash": { name: "RSA-PSS", hash: null },
        "small letters": { name: "rsa-pss", hash: { name: "sha-1" } },
    };
    for (const [label, algorithm] of Object.entries(algorithms)) {
        await t.throws(
            `import with ${label}`,
            async () => (await subtle.importKey("jwk", PUBLIC, algorithm, true, ["verify"])).algorithm,
        );
    }
    const small = await loadPublic("RSA-PSS", "SHA-1", "verify", { kty: "RSA", n: SMALL.n, e: SMALL.e });
    t.show("small key", small.algorithm);
    const exponents = {
        1: "AQ",
        2: "Ag",
        17: "EQ",
        37: "JQ",
        5: "BQ",
        65537: "AQAB",
        padded: "AAAD",
        long: "AQAAAAAB",
    };
    for (const [label, e] of Object.entries(exponents)) {
        await t.throws(
            `import with exponent ${label}`,
            async () => (await loadPublic("RSA-PSS", "SHA-1", "verify", { ...PUBLIC, e })).algorithm.publicExponent,
        );
    }
    const algorithm = (await loadPublic("RSA-PSS", "SHA-1", "verify")).algorithm;
    t.show("exponent", [algorithm.publicExponent.constructor.name, algorithm.publicExponent.buffer.byteLength]);
    t.show("hash", algorithm.hash.constructor.name);
    const withoutPrimes = { kty: "RSA", n: RSA.n, e: RSA.e, d: RSA.d };
    const key = await loadPrivate("RSASSA-PKCS1-v1_5", "SHA-256", "sign", withoutPrimes);
    t.show("sign without primes", hex(await subtle.sign("RSASSA-PKCS1-v1_5", key, data)));
}

async function generation(t) {
    const pairs = {
        "RSASSA-PKCS1-v1_5": ["sign", "verify"],
        "RSA-PSS": ["verify", "sign"],
        "RSA-OAEP": ["unwrapKey", "encrypt", "wrapKey", "decrypt"],
    };
    for (const [name, usages] of Object.entries(pairs)) {
        const algorithm = { name: name.toLowerCase(), modulusLength: 1024, publicExponent: exponent, hash: "sha-256" };
        const { publicKey, privateKey } = await subtle.generateKey(algorithm, false, usages);
        t.show(`generate ${name}`, [publicKey.type, publicKey.extractable, publicKey.usages, publicKey.algorithm]);
        t.show(`generate private ${name}`, [privateKey.type, privateKey.extractable, privateKey.usages]);
        await t.throws(`export private ${name}`, () => subtle.exportKey("pkcs8", privateKey));
        const { n } = await subtle.exportKey("jwk", publicKey);
        t.show(`modulus of ${name}`, [bytes(n).length, bytes(n)[0] >> 7]);
    }
    const three = { name: "RSA-PSS", modulusLength: 512, publicExponent: new Uint8Array([0, 3]), hash: "SHA-1" };
    const pair = await subtle.generateKey(three, true, ["sign", "verify"]);
    t.show("pair", [Object.keys(pair), Object.getPrototypeOf(pair) === Object.prototype]);
    t.show("exponent 3", [pair.publicKey.algorithm, (await subtle.exportKey("jwk", pair.privateKey)).e]);
    const signature = await subtle.sign({ name: "RSA-PSS", saltLength: 4 }, pair.privateKey, data);
    t.show("round trip", await subtle.verify({ name: "RSA-PSS", saltLength: 4 }, pair.publicKey, signature, data));
    const generate = (changes, usages = ["sign"]) => subtle.generateKey({ ...three, ...changes }, true, usages);
    const lengths = {
        undefined,
        null: null,
        0: 0,
        "-512": -512,
        1: 1,
        128: 128,
        255: 255,
        256: 256,
        384: 384,
        520: 520,
        1032: 1032,
        16392: 16392,
        string: "x",
        huge: 2 ** 31,
        symbol: Symbol("x"),
    };
    for (const [label, modulusLength] of Object.entries(lengths)) {
        await t.throws(`modulus of ${label}`, () => generate({ modulusLength }));
    }
    const exponents = {
        undefined,
        null: null,
        text: "AQAB",
        empty: [],
        1: [1],
        2: [2],
        4: [4],
        17: [17],
        65535: [255, 255],
        "2^32": [1, 0, 0, 0, 0],
    };
    for (const [label, value] of Object.entries(exponents)) {
        const publicExponent = Array.isArray(value) ? new Uint8Array(value) : value;
        await t.throws(`exponent of ${label}`, () => generate({ publicExponent }));
    }
    await t.throws("generate without hash", () => generate({ hash: undefined }));
    await t.throws("generate with a wrong hash", () => generate({ hash: "x" }));
    await t.throws("generate without usages", () => generate({}, []));
    await t.throws("generate to verify", () => generate({}, ["verify"]));
    await t.throws("generate to encrypt", () => generate({}, ["encrypt"]));
    await t.throws("generate OAEP to sign", () => generate({ name: "RSA-OAEP" }, ["sign"]));
}

async function uses(t) {
    const signer = await loadPrivate("RSASSA-PKCS1-v1_5", "SHA-1", "sign");
    const verifier = await loadPublic("RSASSA-PKCS1-v1_5", "SHA-1", "verify");
    await t.throws("sign with a public key", () => subtle.sign("RSASSA-PKCS1-v1_5", verifier, data));
    await t.throws("verify with a private key", () => subtle.verify("RSASSA-PKCS1-v1_5", signer, data, data));
    await t.throws("encrypt with a key to sign", () => subtle.encrypt("RSASSA-PKCS1-v1_5", verifier, data));
    await t.throws("sign as PSS", () => subtle.sign({ name: "RSA-PSS", saltLength: 1 }, signer, data));
    await t.throws("derive", () => subtle.deriveBits("RSASSA-PKCS1-v1_5", signer, 8));
    const decrypter = await loadPrivate("RSA-OAEP", "SHA-1", "decrypt");
    await t.throws("sign with OAEP", () => subtle.sign("RSA-OAEP", decrypter, data));
    await t.throws("encrypt with a private key", () => subtle.encrypt("RSA-OAEP", decrypter, data));
    await t.throws("OAEP private to encrypt", () => loadPrivate("RSA-OAEP", "SHA-1", "encrypt"));
    await t.throws("OAEP public to decrypt", () => loadPublic("RSA-OAEP", "SHA-1", "decrypt"));
}
